/// Compares the text of one answer, as it comes, with what the upstream sends.
struct TextCheck: ByteReader {
    /// Nil: any text will do, as long as there is some.
    private let expected: [UInt8]?
    private var position = 0
    private var isWrong = false
    /// Events with text so far.
    private(set) var tokens = 0
    private(set) var sawDone = false

    /// - Parameter tokens: Of the upstream's text; nil: of another upstream.
    init(tokens: Int?) {
        expected = tokens.map { BenchText.text(tokens: $0) }
    }

    var isComplete: Bool { !isWrong && (expected.map { position == $0.count } ?? (position > 0)) }

    mutating func begin() {
        position = 0
        isWrong = false
        tokens = 0
        sawDone = false
    }

    /// Lines of events; looks at whole lines only, because a chunk may end anywhere.
    mutating func read(_ bytes: UnsafeRawBufferPointer) -> Int {
        var start = 0
        while let end = bytes.position(of: UInt8(ascii: "\n"), from: start) {
            if end > start + 1 { line(bytes.part(start..<end)) }
            start = end + 1
        }
        return start
    }

    /// A body that is no stream.
    mutating func whole(_ body: UnsafeRawBufferPointer) {
        if let text = Self.text(in: body) { compare(text) }
    }

    private mutating func line(_ line: UnsafeRawBufferPointer) {
        if line.holds("data: [DONE]", at: 0) {
            sawDone = true
        } else if let text = Self.text(in: line), !text.isEmpty {
            compare(text)
            tokens += 1
        }
    }

    private static func text(in bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        let name: StaticString = "\"content\":\""
        guard let start = bytes.position(of: name).map({ $0 + name.utf8CodeUnitCount }) else { return nil }
        return bytes.position(of: UInt8(ascii: "\""), from: start).map { bytes.part(start..<$0) }
    }

    private mutating func compare(_ text: UnsafeRawBufferPointer) {
        let end = position + text.count
        if let expected { isWrong = isWrong || end > expected.count || !expected[position..<end].elementsEqual(text) }
        position = end
    }
}
