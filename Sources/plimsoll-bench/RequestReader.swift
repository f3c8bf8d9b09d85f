/// Cuts a connection's bytes into requests; knows only what load generators and gateways send: a length, no chunks, one request at a time.
struct RequestReader: ByteReader {
    enum Request: Equatable {
        case whole
        case stream(wantsUsage: Bool, pace: Pace?)
        case models
        case health
    }

    private var request: Request?

    /// The request that has come, once.
    mutating func next() -> Request? {
        defer { request = nil }
        return request
    }

    mutating func read(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let end = bytes.position(of: "\r\n\r\n") else { return 0 }
        let length = bytes.field("content-length:", before: end).map { bytes.number(at: $0) } ?? 0
        let total = end + 4 + length
        guard bytes.count >= total else { return 0 }
        request = Self.request(bytes, body: bytes.part(end + 4..<total))
        return total
    }

    private static func request(_ head: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer) -> Request {
        guard !head.holds("POST /v1/chat/completions", at: 0) else {
            return says("\"stream\"", body) ? .stream(wantsUsage: says("\"include_usage\"", body), pace: Pace(in: body)) : .whole
        }
        return head.holds("GET /v1/models", at: 0) ? .models : .health
    }

    private static func says(_ name: StaticString, _ body: UnsafeRawBufferPointer) -> Bool {
        guard let start = body.position(of: name) else { return false }
        let value = start + name.utf8CodeUnitCount
        return body.holds(":true", at: value) || body.holds(": true", at: value)
    }
}
