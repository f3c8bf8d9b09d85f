/// Numbers of the events of `/v1/responses`: where events are added those behind them move on, so that there are neither two of a number nor gaps.
struct EventNumbers {
    private static let begin = Array(#"data: {"type":""#.utf8)
    private static let name = Array(#"","sequence_number":"#.utf8)

    private var last: Int?

    /// The event with the next number; nil: it has that already, or none.
    mutating func numbered(_ event: [UInt8]) -> [UInt8]? {
        guard let place = Self.place(event), let own = Int(String(decoding: event[place], as: UTF8.self)) else { return nil }
        // Where a host tells the greatest there is, the next ones are of no use, and harmless.
        let next = last.map { $0 &+ 1 } ?? own
        last = next
        guard next != own else { return nil }
        var renumbered = event
        renumbered.replaceSubrange(place, with: Array(String(next).utf8))
        return renumbered
    }

    /// Where the number stands in an event as the gateway writes it.
    private static func place(_ event: [UInt8]) -> Range<Int>? {
        guard let line = event.firstRange(of: begin), let name = event[line.upperBound...].firstRange(of: name),
            event[line.upperBound..<name.lowerBound].allSatisfy(isOfAType)
        else { return nil }
        let end = event[name.upperBound...].firstIndex { !(0x30...0x39).contains($0) } ?? event.endIndex
        return name.upperBound..<end
    }

    private static func isOfAType(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") }
}
