import Domain
import HTTPWire
import NIOCore

/// Puts what was masked back into an answer, in one piece or as a stream.
struct AnswerUnmasking {
    private struct Held {
        var bytes: [UInt8] = []
        /// An event whose text it can be sent in, with its name.
        var event: [UInt8] = []
    }

    private let reader: MaskReader
    private var numbers = EventNumbers()
    /// By the places of their texts.
    private var held: [String: Held] = [:]

    init(_ book: MaskBook) {
        reader = MaskReader(book)
    }

    /// An answer in one piece.
    func whole(_ body: ByteBuffer) -> ByteBuffer {
        let rewritten = body.withUnsafeReadableBytes { bytes in
            StringRewriter.rewrite(bytes) { _, value in
                var none: [UInt8] = []
                return reader.read(value, held: &none, isLast: true)
            }
        }
        return rewritten.map { ByteBuffer(bytes: $0) } ?? body
    }

    /// Whole events. What may be the beginning of a placeholder is held until the next event of the same text.
    mutating func events(_ events: ByteBuffer) -> ByteBuffer {
        var result = ByteBuffer()
        var isChanged = false
        var bytes = events.readableBytesView[...]
        while !bytes.isEmpty {
            let event = Self.first(of: bytes)
            bytes = bytes.dropFirst(event.count)
            let (before, changed) = read(event)
            for added in before { result.writeBytes(numbers.numbered(added) ?? added) }
            let shown = changed ?? event
            let renumbered = numbers.numbered(shown)
            isChanged = isChanged || changed != nil || renumbered != nil || !before.isEmpty
            result.writeBytes(renumbered ?? shown)
        }
        return isChanged ? result : events
    }

    /// What is still held when a stream ends.
    mutating func rest() -> ByteBuffer {
        ByteBuffer(bytes: release { _ in true }.flatMap { numbers.numbered($0) ?? $0 })
    }

    /// Up to the empty line that ends an event.
    private static func first(of bytes: ByteBufferView) -> [UInt8] {
        var end = bytes.startIndex
        while end < bytes.endIndex {
            let start = end
            end = bytes[start...].firstIndex(of: 0x0A).map { $0 + 1 } ?? bytes.endIndex
            if bytes[start..<end].allSatisfy({ $0 == 0x0A || $0 == 0x0D }) { break }
        }
        return Array(bytes[..<end])
    }

    /// Where the JSON of an event stands.
    private static func data(of event: [UInt8]) -> Range<Int>? {
        var start = 0
        while start < event.count {
            let end = event[start...].firstIndex(of: 0x0A) ?? event.count
            if event[start..<end].starts(with: "data:".utf8) { return start + 5..<end }
            start = end + 1
        }
        return nil
    }

    private static func event(_ event: [UInt8], _ data: Range<Int>, _ text: [UInt8]) -> [UInt8] {
        var changed = event
        changed.replaceSubrange(data, with: text)
        return changed
    }

    /// Events that must come before this one, and this one where it is not the same any more.
    private mutating func read(_ event: [UInt8]) -> (before: [[UInt8]], changed: [UInt8]?) {
        guard let data = Self.data(of: event) else { return ([], nil) }
        let strings = AnswerStrings(Array(event[data]))
        let continued = Set(strings.pieces.compactMap { $0?.place })
        let ended = strings.ended
        let before = ended.isEmpty ? [] : release { place in !continued.contains(place) && ended.contains { place.hasPrefix($0) } }
        var held = held
        let reader = reader
        var pieces = strings.pieces.makeIterator()
        let rewritten = event.withUnsafeBytes { bytes in
            StringRewriter.rewrite(UnsafeRawBufferPointer(rebasing: bytes[data])) { _, value in
                var waiting = Held()
                guard let piece = pieces.next() ?? nil else { return reader.read(value, held: &waiting.bytes, isLast: true) }
                waiting = held[piece.place] ?? Held()
                let changed = reader.read(value, held: &waiting.bytes, isLast: piece.isLast)
                waiting.event = event
                held[piece.place] = waiting.bytes.isEmpty ? nil : waiting
                return changed
            }
        }
        self.held = held
        return (before, rewritten.map { Self.event(event, data, $0) })
    }

    /// Events for what is held of the places that are wanted; it is held no longer. All else that they could add to a text is left out.
    private mutating func release(_ isWanted: (String) -> Bool) -> [[UInt8]] {
        var events: [[UInt8]] = []
        for (place, waiting) in held.sorted(by: { $0.key < $1.key }) where isWanted(place) {
            held[place] = nil
            guard let data = Self.data(of: waiting.event) else { continue }
            var pieces = AnswerStrings(Array(waiting.event[data])).pieces.makeIterator()
            let filled = waiting.event.withUnsafeBytes { bytes in
                StringRewriter.rewrite(UnsafeRawBufferPointer(rebasing: bytes[data])) { _, _ in
                    (pieces.next() ?? nil).map { $0.place == place ? waiting.bytes : [] }
                }
            }
            if let filled { events.append(Self.event(waiting.event, data, filled)) }
        }
        return events
    }
}
/// Stands before the true sink of a request with something masked in it. Where nothing is there is none.
final class MaskingSink: AnswerSink {
    private let sink: any AnswerSink
    private let warns: Bool
    private var unmasking: AnswerUnmasking?

    /// - Parameter warns: The prompt seems to hold a secret.
    init(_ sink: any AnswerSink, _ book: MaskBook, warns: Bool) {
        self.sink = sink
        self.warns = warns
        unmasking = book.originals.isEmpty ? nil : AnswerUnmasking(book)
    }

    func answer(_ head: AnswerHead, _ body: ByteBuffer) {
        sink.answer(warned(head), unmasking?.whole(body) ?? body)
    }

    func stream(_ head: AnswerHead?, _ events: ByteBuffer) {
        sink.stream(head.map(warned), unmasking?.events(events) ?? events)
    }

    func endStream(_ head: AnswerHead?, _ events: ByteBuffer, _ last: ByteBuffer) {
        var shown = unmasking?.events(events) ?? events
        if var rest = unmasking?.rest() { shown.writeBuffer(&rest) }
        sink.endStream(head.map(warned), shown, unmasking?.events(last) ?? last)
    }

    func abandon() { sink.abandon() }

    func probe() { sink.probe() }

    func clientLeft() { sink.clientLeft() }

    private func warned(_ head: AnswerHead) -> AnswerHead {
        var head = head
        head.holdsSecret = warns
        return head
    }
}
