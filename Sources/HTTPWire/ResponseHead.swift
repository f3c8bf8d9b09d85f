/// The head of an answer; ranges count from its first byte.
package struct ResponseHead: Sendable {
    package var status: Int
    package var isHTTP11: Bool
    package var keepAlive: Bool
    package var framing = BodyFraming.untilClose
    /// The content type is `text/event-stream`.
    package var isEventStream = false
    /// Value of `plimsoll-refusal`.
    package var refusal: Range<Int>?
    package var retryAfter: Range<Int>?

    /// 1xx: another head follows on the same connection.
    package var isInformational: Bool { status < 200 }

    /// Reads a whole head (`HeadFinder` knows its length) with the same strictness as a request's.
    package static func scan(_ bytes: UnsafeRawBufferPointer) throws(HTTPFault) -> ResponseHead {
        var (head, at) = try statusLine(bytes)
        var lines = HeadLines(bytes, from: at)
        var body = MessageBody()
        while let line = try lines.next() { try head.take(line, of: bytes, &body) }
        at = lines.at
        let framing = try body.framing(isHTTP11: head.isHTTP11)
        if head.status < 200 || head.status == 204 || head.status == 304 {
            head.framing = .none
        } else {
            head.framing = body.hasLengthOrChunks ? framing : .untilClose
        }
        if head.framing == .untilClose { head.keepAlive = false }
        return head
    }

    private static func statusLine(_ bytes: UnsafeRawBufferPointer) throws(HTTPFault) -> (ResponseHead, Int) {
        guard bytes.count >= 14 else { throw .malformedLine }
        let isHTTP11 = HeadBytes.equal(bytes, 0..<8, to: "HTTP/1.1")
        guard isHTTP11 || HeadBytes.equal(bytes, 0..<8, to: "HTTP/1.0") else { throw .unsupportedVersion }
        guard bytes[8] == 0x20, let status = HeadBytes.length(bytes, 9..<12), (100...599).contains(status) else { throw .malformedLine }
        var at = 12
        guard bytes[at] == 0x20 || bytes[at] == 0x0D else { throw .malformedLine }
        while at < bytes.count, HeadBytes.isFieldByte(bytes[at]) { at += 1 }
        guard at + 1 < bytes.count, bytes[at] == 0x0D, bytes[at + 1] == 0x0A else { throw .malformedLine }
        return (ResponseHead(status: status, isHTTP11: isHTTP11, keepAlive: isHTTP11), at + 2)
    }

    private mutating func take(_ line: FieldLine, of bytes: UnsafeRawBufferPointer, _ body: inout MessageBody) throws(HTTPFault) {
        func named(_ name: StaticString) -> Bool { HeadBytes.equal(bytes, line.name, ignoringCase: name) }
        switch line.name.count {
        case 10 where named("connection"):
            if HeadBytes.list(bytes, line.value, has: "close") {
                keepAlive = false
            } else if HeadBytes.list(bytes, line.value, has: "keep-alive") {
                keepAlive = true
            }
        case 11 where named("retry-after"): retryAfter = line.value
        case 12 where named("content-type"):
            let type = line.value.lowerBound..<min(line.value.upperBound, line.value.lowerBound + 17)
            isEventStream = HeadBytes.equal(bytes, type, ignoringCase: "text/event-stream")
        case 14 where named("content-length"): try body.length(bytes, line.value)
        case 16 where named("plimsoll-refusal"): refusal = line.value
        case 17 where named("transfer-encoding"): try body.coding(bytes, line.value)
        default: break
        }
    }
}
