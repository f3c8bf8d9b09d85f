import Domain
import HTTPWire
import NIOCore

/// Puts what was masked back into an answer, in one piece or as a stream.
struct AnswerUnmasking {
    private struct Held {
        var bytes: [UInt8] = []
        /// An event whose text it can be sent in.
        var event: [UInt8] = []
    }

    private let reader: MaskReader
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
            let end = bytes.firstIndex(of: 0x0A).map { $0 + 1 } ?? bytes.endIndex
            let line = Array(bytes[..<end])
            bytes = bytes[end...]
            let changed = line.starts(with: "data:".utf8) ? event(line) : nil
            isChanged = isChanged || changed != nil
            result.writeBytes(changed ?? line)
        }
        return isChanged ? result : events
    }

    /// What is still held when a stream ends.
    mutating func rest() -> ByteBuffer {
        var result = ByteBuffer()
        for (place, waiting) in held.sorted(by: { $0.key < $1.key }) where !waiting.bytes.isEmpty {
            let filled = waiting.event.withUnsafeBytes { bytes in
                StringRewriter.rewrite(bytes) { name, _ in place.hasPrefix(String(decoding: name, as: UTF8.self) + "/") ? waiting.bytes : nil }
            }
            if let filled {
                result.writeBytes(filled)
                result.writeStaticString("\n\n")
            }
        }
        held.removeAll()
        return result
    }

    private mutating func event(_ line: [UInt8]) -> [UInt8]? {
        var held = held
        let reader = reader
        let index = Self.index(line)
        let rewritten = line.withUnsafeBytes { bytes in
            StringRewriter.rewrite(bytes) { name, value in
                let place = String(decoding: name, as: UTF8.self) + "/" + index
                var waiting = held[place] ?? Held()
                let changed = reader.read(value, held: &waiting.bytes, isLast: false)
                if !waiting.bytes.isEmpty { waiting.event = line.filter { $0 != 0x0A } }
                held[place] = waiting.bytes.isEmpty ? nil : waiting
                return changed
            }
        }
        self.held = held
        return rewritten
    }

    /// Of the choice that an event is about; texts of several choices come in turns.
    private static func index(_ line: [UInt8]) -> String {
        guard let found = line.firstRange(of: Array(#""index":"#.utf8)) else { return "" }
        return String(decoding: line[found.upperBound...].drop { $0 == 0x20 }.prefix { (0x30...0x39).contains($0) }, as: UTF8.self)
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
