import HTTPWire

/// Server-sent events are the same wherever their bytes are split, and their payload is what a reader line by line finds.
enum EventFuzzer: Fuzzer {
    static let name = "events"

    static func check(_ bytes: [UInt8]) throws {
        var steering = Steering(bytes)
        let pieces = steering.pieces()
        let whole = Array(steering.rest)
        let events = events([whole[...]])
        try hold(events == Self.events(pieces), "other events when the bytes are split")
        try hold(events == lineByLine(whole), "other events than line by line")
        try hold(whole.starts(with: events.joined()), "an event holds other bytes")
        for event in events { try hold(event.withUnsafeBytes { EventPayload.read($0) } == payload(event), "another payload of \(event)") }
    }

    private static func events(_ pieces: [ArraySlice<UInt8>]) -> [[UInt8]] {
        var (scanner, events, pending) = (EventScanner(), [[UInt8]](), [UInt8]())
        for piece in pieces {
            pending += piece
            while let length = pending.withUnsafeBytes({ scanner.next($0) }) {
                events.append(Array(pending[..<length]))
                pending.removeFirst(length)
            }
        }
        return events
    }

    private static func lineByLine(_ bytes: [UInt8]) -> [[UInt8]] {
        var (events, event, line) = ([[UInt8]](), [UInt8](), [UInt8]())
        for byte in bytes {
            event.append(byte)
            guard byte == 0x0A else {
                line.append(byte)
                continue
            }
            if line.isEmpty || line == [0x0D] {
                events.append(event)
                event = []
            }
            line = []
        }
        return events
    }

    /// A lone CR ends a line for some readers and not for others: such an event must not be taken for one with data.
    private static func payload(_ event: [UInt8]) -> EventPayload {
        var (data, others, start, isError) = ([Range<Int>](), 0, 0, false)
        for line in event.split(separator: 0x0A, omittingEmptySubsequences: false) {
            let end = start + line.count
            defer { start = end + 1 }
            let text = line.last == 0x0D ? line.dropLast() : line
            if text.contains(0x0D) { others += 1 }
            if text.starts(with: "data:".utf8) {
                let from = text.dropFirst(5).first == 0x20 ? 6 : 5
                data.append(start + from..<start + text.count)
            } else if text.starts(with: "error:".utf8) {
                let from = text.dropFirst(6).first == 0x20 ? 7 : 6
                data.append(start + from..<start + text.count)
                isError = true
            } else if text.starts(with: "event:".utf8) {
                let name = String(decoding: text.dropFirst(text.dropFirst(6).first == 0x20 ? 7 : 6), as: UTF8.self)
                if name == "error" { isError = true } else if !["", "message"].contains(name) { others += 1 }
            }
        }
        if others > 0 || data.count > 1 { return .other }
        guard let range = data.first else { return .comment }
        if isError { return .error(range) }
        return String(decoding: event[range], as: UTF8.self).lowercased() == "[done]" ? .done : .data(range)
    }
}
