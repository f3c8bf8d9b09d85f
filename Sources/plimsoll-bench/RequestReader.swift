import NIOCore

/// Cuts a connection's bytes into requests; knows only what load generators and gateways send: a length, no chunks.
struct RequestReader {
    struct Request {
        let path: String
        let streams: Bool
        let wantsUsage: Bool
        let model: String
    }

    private static let headEnd = Array("\r\n\r\n".utf8)
    private static let streaming = [Array("\"stream\":true".utf8), Array("\"stream\": true".utf8)]
    private static let usage = [Array("\"include_usage\":true".utf8), Array("\"include_usage\": true".utf8)]

    private var bytes: [UInt8] = []

    mutating func append(_ buffer: ByteBuffer) {
        bytes.append(contentsOf: buffer.readableBytesView)
    }

    /// The next whole request; nil: more bytes are needed.
    mutating func next() -> Request? {
        guard let end = bytes.position(of: Self.headEnd, from: 0) else { return nil }
        let head = String(decoding: bytes[..<end], as: UTF8.self)
        let length = Self.contentLength(head)
        let total = end + 4 + length
        guard bytes.count >= total else { return nil }
        let body = bytes[(end + 4)..<total]
        let request = Request(
            path: head.split(separator: " ", maxSplits: 2).dropFirst().first.map(String.init) ?? "/",
            streams: Self.streaming.contains { body.position(of: $0, from: body.startIndex) != nil },
            wantsUsage: Self.usage.contains { body.position(of: $0, from: body.startIndex) != nil },
            model: body.position(of: Array("mock-b".utf8), from: body.startIndex) == nil ? "mock-a" : "mock-b")
        bytes.removeFirst(total)
        return request
    }

    private static func contentLength(_ head: String) -> Int {
        for line in head.split(separator: "\r\n") where line.utf8.count > 15 && line.prefix(15).lowercased() == "content-length:" {
            return Int(line.dropFirst(15).filter { $0 != " " }) ?? 0
        }
        return 0
    }
}
