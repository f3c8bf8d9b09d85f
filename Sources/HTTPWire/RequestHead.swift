package enum HTTPMethod: Sendable, Equatable {
    case get
    case head
    case post
    case options
    /// Any other token.
    case other
}

/// The head of a request; ranges count from its first byte.
package struct RequestHead: Sendable {
    package var method: HTTPMethod
    package var target: Range<Int>
    package var isHTTP11: Bool
    package var keepAlive = true
    package var framing = BodyFraming.none
    package var expectsContinue = false
    package var host: Range<Int>?
    package var authorization: Range<Int>?
    package var apiKey: Range<Int>?
    package var contentType: Range<Int>?
    package var contentEncoding: Range<Int>?
    /// `authorization` or `x-api-key` more than once, or both: which one counts would be a guess.
    package var ambiguousCredentials = false

    /// Reads a whole head (`HeadFinder` knows its length), strictly: exactly one valid host, one length in digits, no length beside chunks,
    /// `chunked` alone and from HTTP/1.1 only, no folded lines, no space before a colon, no control bytes.
    package static func scan(_ bytes: UnsafeRawBufferPointer, limits: HeadLimits = HeadLimits()) throws(HTTPFault) -> RequestHead {
        var (head, at) = try requestLine(bytes, limits: limits)
        var lines = HeadLines(bytes, from: at)
        var body = MessageBody()
        while let line = try lines.next() { try head.take(line, of: bytes, &body) }
        at = lines.at
        guard head.host != nil || !head.isHTTP11 else { throw .missingHost }
        head.framing = try body.framing(isHTTP11: head.isHTTP11)
        return head
    }

    private static func requestLine(_ bytes: UnsafeRawBufferPointer, limits: HeadLimits) throws(HTTPFault) -> (RequestHead, Int) {
        var at = 0
        while at < bytes.count, HeadBytes.isToken(bytes[at]) { at &+= 1 }
        let method = method(bytes, 0..<at)
        guard at > 0, at <= 32, at < bytes.count, bytes[at] == 0x20 else { throw .malformedLine }
        let target = at + 1
        at = target
        while at < bytes.count, bytes[at] > 0x20, bytes[at] < 0x7F { at &+= 1 }
        guard at - target <= limits.targetBytes else { throw .targetTooLong }
        guard at > target, bytes[target] == UInt8(ascii: "/") || (bytes[target] == UInt8(ascii: "*") && at == target + 1) else {
            throw .malformedLine
        }
        guard at + 11 <= bytes.count, bytes[at] == 0x20, bytes[at + 9] == 0x0D, bytes[at + 10] == 0x0A else { throw .malformedLine }
        let version = at + 1..<at + 9
        let isHTTP11 = HeadBytes.equal(bytes, version, ignoringCase: "http/1.1")
        guard bytes[version.lowerBound] == UInt8(ascii: "H") else { throw .malformedLine }
        guard isHTTP11 || HeadBytes.equal(bytes, version, ignoringCase: "http/1.0") else { throw .unsupportedVersion }
        return (RequestHead(method: method, target: target..<at, isHTTP11: isHTTP11, keepAlive: isHTTP11), at + 11)
    }

    private static func method(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> HTTPMethod {
        func `is`(_ name: StaticString) -> Bool {
            guard range.count == name.utf8CodeUnitCount else { return false }
            for offset in 0..<range.count where bytes[offset] != name.utf8Start[offset] { return false }
            return true
        }
        if `is`("POST") { return .post }
        if `is`("GET") { return .get }
        if `is`("HEAD") { return .head }
        return `is`("OPTIONS") ? .options : .other
    }

    @inline(__always)
    private mutating func take(_ line: FieldLine, of bytes: UnsafeRawBufferPointer, _ body: inout MessageBody) throws(HTTPFault) {
        func named(_ name: StaticString) -> Bool { HeadBytes.equal(bytes, line.name, ignoringCase: name) }
        switch line.name.count {
        case 4 where named("host"):
            guard host == nil, RequestHead.isHost(bytes, line.value) else { throw .invalidHost }
            host = line.value
        case 6 where named("expect"):
            guard HeadBytes.equal(bytes, line.value, ignoringCase: "100-continue") else { throw .unsupportedExpectation }
            expectsContinue = true
        case 9 where named("x-api-key"):
            ambiguousCredentials = ambiguousCredentials || apiKey != nil || authorization != nil
            apiKey = line.value
        case 10 where named("connection"):
            if HeadBytes.list(bytes, line.value, has: "close") {
                keepAlive = false
            } else if !isHTTP11, HeadBytes.list(bytes, line.value, has: "keep-alive") {
                keepAlive = true
            }
        case 12 where named("content-type"): contentType = line.value
        case 13 where named("authorization"):
            ambiguousCredentials = ambiguousCredentials || authorization != nil || apiKey != nil
            authorization = line.value
        case 14 where named("content-length"): try body.length(bytes, line.value)
        case 16 where named("content-encoding"): contentEncoding = line.value
        case 17 where named("transfer-encoding"): try body.coding(bytes, line.value)
        default: break
        }
    }

    /// RFC 3986, section 3.2.2, without user information: letters, digits, `-._~!$&'()*+;=%`, and brackets and colons for addresses.
    private static func isHost(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        guard (1...255).contains(range.count) else { return false }
        for at in range {
            switch bytes[at] {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"),
                UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "%"):
                continue
            default: return false
            }
        }
        return true
    }
}

/// What the fields of a head say about the end of the body.
struct MessageBody {
    private var contentLength: Int?
    private var isChunked = false

    mutating func length(_ bytes: UnsafeRawBufferPointer, _ value: Range<Int>) throws(HTTPFault) {
        guard contentLength == nil else { throw .ambiguousLength }
        guard let length = HeadBytes.length(bytes, value) else { throw .invalidLength }
        contentLength = length
    }

    mutating func coding(_ bytes: UnsafeRawBufferPointer, _ value: Range<Int>) throws(HTTPFault) {
        guard !isChunked else { throw .ambiguousLength }
        guard HeadBytes.equal(bytes, value, ignoringCase: "chunked") else { throw .unsupportedTransferCoding }
        isChunked = true
    }

    func framing(isHTTP11: Bool) throws(HTTPFault) -> BodyFraming {
        if isChunked {
            guard contentLength == nil, isHTTP11 else { throw .ambiguousLength }
            return .chunked
        }
        guard let contentLength else { return .none }
        return .length(contentLength)
    }

    var hasLengthOrChunks: Bool { isChunked || contentLength != nil }
}
