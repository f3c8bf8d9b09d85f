import NIOCore

/// Reads one answer after the other off a connection and checks every byte of their text.
struct AnswerScanner {
    enum Finding: Equatable {
        /// A token of a stream, the first or a later one.
        case token
        /// The answer is complete. `isRight`: status 200, all tokens in order, and for streams the end that belongs there.
        case end(isRight: Bool)
    }

    private enum Stage {
        case head
        case length(Int)
        case chunkSize
        case chunk(Int)
        case chunkEnd
        case lastLine
    }

    private static let content = Array("\"content\":\"".utf8)
    private static let done = Array("data: [DONE]".utf8)

    let expected: [UInt8]
    private var stage = Stage.head
    private var bytes: [UInt8] = []
    private var body: [UInt8] = []
    private var text: [UInt8] = []
    private var scanned = 0
    private var status = 0
    private var isStream = false
    private var sawDone = false

    init(tokens: Int) {
        expected = BenchText.text(tokens: tokens)
    }

    /// What these bytes bring, in order.
    mutating func read(_ buffer: ByteBuffer) -> [Finding] {
        bytes.append(contentsOf: buffer.readableBytesView)
        var findings: [Finding] = []
        var at = 0
        while let used = step(at, &findings) { at = used }
        bytes.removeFirst(at)
        return findings
    }

    /// One move forward; returns where it ended, nil when more bytes are needed.
    private mutating func step(_ at: Int, _ findings: inout [Finding]) -> Int? {
        switch stage {
        case .head: return head(at, &findings)
        case .length(let left):
            let taken = take(at, left, &findings)
            guard taken > 0 || left == 0 else { return nil }
            stage = .length(left - taken)
            if left == taken { finish(&findings) }
            return at + taken
        case .chunkSize:
            guard let end = line(at) else { return nil }
            let size = Int(String(decoding: bytes[at..<end], as: UTF8.self).prefix { $0 != ";" }, radix: 16) ?? 0
            stage = size == 0 ? .lastLine : .chunk(size)
            return end + 2
        case .chunk(let left):
            let taken = take(at, left, &findings)
            guard taken > 0 else { return nil }
            stage = left == taken ? .chunkEnd : .chunk(left - taken)
            return at + taken
        case .chunkEnd, .lastLine:
            guard bytes.count >= at + 2 else { return nil }
            if case .lastLine = stage { finish(&findings) } else { stage = .chunkSize }
            return at + 2
        }
    }

    private mutating func head(_ at: Int, _ findings: inout [Finding]) -> Int? {
        guard let end = bytes.position(of: Array("\r\n\r\n".utf8), from: at) else { return nil }
        let lines = String(decoding: bytes[at..<end], as: UTF8.self).lowercased().split(separator: "\r\n")
        status = lines.first.flatMap { Int($0.split(separator: " ").dropFirst().first ?? "") } ?? 0
        isStream = lines.contains { $0.hasPrefix("content-type: text/event-stream") }
        let length = lines.first { $0.hasPrefix("content-length:") }.flatMap { Int($0.dropFirst(15).filter { $0 != " " }) }
        stage = length.map(Stage.length) ?? .chunkSize
        return end + 4
    }

    private func line(_ at: Int) -> Int? {
        bytes.position(of: [13, 10], from: at)
    }

    private mutating func take(_ at: Int, _ most: Int, _ findings: inout [Finding]) -> Int {
        let count = min(most, bytes.count - at)
        body.append(contentsOf: bytes[at..<(at + count)])
        if isStream { scanLines(&findings) }
        return count
    }

    /// Looks at whole lines only: a chunk may end anywhere.
    private mutating func scanLines(_ findings: inout [Finding]) {
        while let end = body[scanned...].firstIndex(of: 10) {
            let line = body[scanned..<end]
            if let token = Self.value(in: line), !token.isEmpty {
                text.append(contentsOf: token)
                findings.append(.token)
            } else if line.starts(with: Self.done) {
                sawDone = true
            }
            scanned = end + 1
        }
        body.removeFirst(scanned)
        scanned = 0
    }

    private static func value(in line: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let start = line.position(of: content, from: line.startIndex) else { return nil }
        return line[(start + content.count)...].prefix { $0 != UInt8(ascii: "\"") }
    }

    private mutating func finish(_ findings: inout [Finding]) {
        if !isStream, let whole = Self.value(in: body[...]) { text = Array(whole) }
        findings.append(.end(isRight: status == 200 && text == expected && (!isStream || sawDone)))
        stage = .head
        body.removeAll(keepingCapacity: true)
        text.removeAll(keepingCapacity: true)
        sawDone = false
    }
}
