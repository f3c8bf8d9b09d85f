package enum HTTPMethod: Sendable, Equatable {
    case get
    case head
    case post
    case options
    case delete
    /// Any other token.
    case other
}

/// The head of a request; ranges count from its first byte.
package struct RequestHead: Sendable {
    package var method: HTTPMethod
    package var target: Range<Int>
    package var isHTTP11: Bool
    package var keepAlive = true
    /// One of several fields said so: another one cannot take it back.
    var saysClose = false
    package var framing = BodyFraming.none
    package var expectsContinue = false
    package var host: Range<Int>?
    package var authorization: Range<Int>?
    package var apiKey: Range<Int>?
    package var contentType: Range<Int>?
    package var contentEncoding: Range<Int>?
    package var idempotencyKey: Range<Int>?
    /// `anthropic-version` is there: the client speaks Anthropic's API.
    package var isAnthropic = false
    /// What the customer's requests of one conversation have in common, by the names that clients and other gateways use.
    package var session: Range<Int>?
    /// How long the customer looked things up before it asked, as it says.
    package var retrieval: Range<Int>?
    /// `authorization` or `x-api-key` more than once, or both: which one counts would be a guess.
    package var ambiguousCredentials = false

    /// Reads a whole head (`HeadFinder` knows its length), strictly: exactly one valid host, which an absolute target must repeat, one length in
    /// digits, no length beside chunks, `chunked` alone and from HTTP/1.1 only, no folded lines, no space before a colon, no control bytes.
    ///
    /// `target` of an absolute target (RFC 9112, section 3.2.2) is its path, empty if it has none.
    package static func scan(_ bytes: UnsafeRawBufferPointer, limits: HeadLimits = HeadLimits()) throws(HTTPFault) -> RequestHead {
        var (head, at) = try requestLine(bytes, limits: limits)
        var lines = HeadLines(bytes, from: at)
        var body = MessageBody()
        while let line = try lines.next() { try head.take(line, of: bytes, &body) }
        at = lines.at
        if bytes[head.target.lowerBound] != UInt8(ascii: "/") { try head.readTarget(bytes) }
        guard head.host != nil || !head.isHTTP11 else { throw .missingHost }
        head.framing = try body.framing(isHTTP11: head.isHTTP11)
        return head
    }

    /// Where the values of a field stand, in their order, in a head that `scan` has read: for fields that are rarely asked for.
    ///
    /// - Parameter name: In lower case.
    package static func values(of name: StaticString, in bytes: UnsafeRawBufferPointer) -> [Range<Int>] {
        guard let end = bytes.firstIndex(of: 0x0A) else { return [] }
        var lines = HeadLines(bytes, from: end + 1)
        var values: [Range<Int>] = []
        // It has been read without a fault.
        while let line = try? lines.next() {
            if HeadBytes.equal(bytes, line.name, ignoringCase: name) { values.append(line.value) }
        }
        return values
    }

    private static func requestLine(_ bytes: UnsafeRawBufferPointer, limits: HeadLimits) throws(HTTPFault) -> (RequestHead, Int) {
        var at = 0
        while at < bytes.count, HeadBytes.isToken(bytes[at]) { at &+= 1 }
        let method = method(bytes, 0..<at)
        guard at > 0, at <= 32, at < bytes.count, bytes[at] == 0x20 else { throw .malformedLine }
        let target = at + 1
        at = target
        while at < bytes.count, HeadBytes.isTarget(bytes[at]) { at &+= 1 }
        guard at - target <= limits.targetBytes else { throw .targetTooLong }
        guard at > target else { throw .malformedLine }
        guard at + 11 <= bytes.count, bytes[at] == 0x20, bytes[at + 9] == 0x0D, bytes[at + 10] == 0x0A else { throw .malformedLine }
        let version = at + 1..<at + 9
        let isHTTP11 = HeadBytes.equal(bytes, version, to: "HTTP/1.1")
        guard HeadBytes.equal(bytes, version.lowerBound..<version.lowerBound + 5, to: "HTTP/") else { throw .malformedLine }
        guard isHTTP11 || HeadBytes.equal(bytes, version, to: "HTTP/1.0") else { throw .unsupportedVersion }
        return (RequestHead(method: method, target: target..<at, isHTTP11: isHTTP11, keepAlive: isHTTP11), at + 11)
    }

    /// A target that is no path: `*` for OPTIONS, or an absolute one, whose authority must be the host's.
    private mutating func readTarget(_ bytes: UnsafeRawBufferPointer) throws(HTTPFault) {
        if HeadBytes.equal(bytes, target, to: "*"), method == .options { return }
        for scheme in ["http://", "https://"] as [StaticString] {
            let start = target.lowerBound + scheme.utf8CodeUnitCount
            guard start < target.upperBound, HeadBytes.equal(bytes, target.lowerBound..<start, ignoringCase: scheme) else { continue }
            var end = start
            while end < target.upperBound, bytes[end] != UInt8(ascii: "/"), bytes[end] != UInt8(ascii: "?") { end += 1 }
            guard HostField.isValid(bytes, start..<end) else { throw .invalidHost }
            if let host { guard HeadBytes.equal(bytes, host, toASCIIOf: start..<end) else { throw .invalidHost } }
            target = end..<target.upperBound
            return
        }
        throw .malformedLine
    }

    static func method(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> HTTPMethod {
        func `is`(_ name: StaticString) -> Bool {
            guard range.count == name.utf8CodeUnitCount else { return false }
            for offset in 0..<range.count where bytes[range.lowerBound + offset] != name.utf8Start[offset] { return false }
            return true
        }
        if `is`("POST") { return .post }
        if `is`("GET") { return .get }
        if `is`("HEAD") { return .head }
        if `is`("DELETE") { return .delete }
        return `is`("OPTIONS") ? .options : .other
    }

    @inline(__always)
    mutating func take(_ line: FieldLine, of bytes: UnsafeRawBufferPointer, _ body: inout MessageBody) throws(HTTPFault) {
        func named(_ name: StaticString) -> Bool { HeadBytes.equal(bytes, line.name, ignoringCase: name) }
        switch line.name.count {
        case 4 where named("host"):
            guard host == nil, HostField.isValid(bytes, line.value) else { throw .invalidHost }
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
                saysClose = true
            } else if !isHTTP11, !saysClose, HeadBytes.list(bytes, line.value, has: "keep-alive") {
                keepAlive = true
            }
        case 10 where named("session-id") || named("session_id"): session = session ?? line.value
        case 12 where named("content-type"):
            guard contentType == nil else { throw .repeatedField }
            contentType = line.value
        case 12 where named("x-session-id"): session = session ?? line.value
        case 13 where named("authorization"):
            ambiguousCredentials = ambiguousCredentials || authorization != nil || apiKey != nil
            authorization = line.value
        case 14 where named("content-length"): try body.length(bytes, line.value)
        case 14 where named("x-retrieval-ms"):
            guard retrieval == nil else { throw .repeatedField }
            retrieval = line.value
        case 15 where named("idempotency-key"):
            guard idempotencyKey == nil else { throw .repeatedField }
            idempotencyKey = line.value
        case 16 where named("content-encoding"):
            guard contentEncoding == nil else { throw .repeatedField }
            contentEncoding = line.value
        case 17 where named("anthropic-version"): isAnthropic = true
        case 17 where named("transfer-encoding"): try body.coding(bytes, line.value)
        case 18 where named("x-session-affinity"): session = session ?? line.value
        case 24 where named("x-claude-code-session-id"): session = session ?? line.value
        default: break
        }
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
