/// Reads one answer after the other off a connection and checks every byte of their text.
struct AnswerReader: ByteReader {
    private enum Stage {
        case head
        /// This many bytes make the body.
        case length(Int)
        /// The next chunk: its size, its bytes, the line's end.
        case chunk
        case complete
    }

    private var stage = Stage.complete
    private var text: TextCheck
    private var lines = Inlet()
    private var body: [UInt8] = []
    private var status = 0
    private var isStream = false

    /// - Parameter tokens: As of `TextCheck`.
    init(tokens: Int?) {
        text = TextCheck(tokens: tokens)
    }

    /// Events with text of this answer so far.
    var tokens: Int { text.tokens }

    var isComplete: Bool { if case .complete = stage { true } else { false } }

    /// Status 200, all tokens in order, and for streams the end that belongs there.
    var isRight: Bool { status == 200 && text.isComplete && (!isStream || text.sawDone) }

    /// The next answer is to come.
    mutating func begin() {
        stage = .head
        text.begin()
        lines = Inlet()
        body.removeAll(keepingCapacity: true)
        status = 0
    }

    mutating func read(_ bytes: UnsafeRawBufferPointer) -> Int {
        var at = 0
        while let end = step(bytes, at) { at = end }
        return at
    }

    /// One move forward; returns where it ended, nil when more bytes are needed or none are expected.
    private mutating func step(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> Int? {
        switch stage {
        case .head: head(bytes)
        case .length(let length): counted(bytes, at, length)
        case .chunk: chunk(bytes, at)
        case .complete: nil
        }
    }

    private mutating func head(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard let end = bytes.position(of: "\r\n\r\n") else { return nil }
        // Behind "HTTP/1.1".
        status = bytes.number(at: 8)
        isStream = bytes.field("content-type: text/event-stream", before: end) != nil
        stage = bytes.field("content-length:", before: end).map { .length(bytes.number(at: $0)) } ?? .chunk
        return end + 4
    }

    private mutating func counted(_ bytes: UnsafeRawBufferPointer, _ at: Int, _ length: Int) -> Int? {
        let end = at + length
        guard bytes.count >= end else { return nil }
        text.whole(bytes.part(at..<end))
        stage = .complete
        return end
    }

    private mutating func chunk(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> Int? {
        guard let line = bytes.position(of: UInt8(ascii: "\n"), from: at) else { return nil }
        let size = bytes.number(at: at, radix: 16)
        let end = line + 1 + size
        guard bytes.count >= end + 2 else { return nil }
        if size == 0 { finish() } else { take(bytes.part(line + 1..<end)) }
        return end + 2
    }

    private mutating func take(_ chunk: UnsafeRawBufferPointer) {
        if isStream { lines.pass(chunk, to: &text) } else { body.append(contentsOf: chunk) }
    }

    private mutating func finish() {
        if !isStream { body.withUnsafeBytes { text.whole($0) } }
        stage = .complete
    }
}
