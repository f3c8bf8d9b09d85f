import PlimsollWire
import Domain
import Exchange
import HTTPWire
import NIOCore
import OpenAIWire

/// What stands in front of an answer; written without making strings or header objects.
struct AnswerHead {
    enum Length {
        case bytes(Int)
        case chunked
        case untilClose
    }

    var status: Int
    var requestId: RequestId
    var isEventStream = false
    var standing: LimitStanding?
    /// Microseconds.
    var retryAfter: Int64?
    var allow: StaticString?
    /// False: clients that try again by themselves, as they do after 409, 429 and from 500 on, are told not to.
    var isWorthRetrying = true
    /// In whose words the answer is told.
    var shape = ErrorShape.openAI
    /// The prompt seems to hold a secret, and the tenant wants to be told.
    var holdsSecret = false
    /// Model that answered in place of the one that was asked for.
    var servedModel: String?
    /// Region that answered in place of the gateway's own.
    var servedRegion: String?
    /// Of a document that is no answer of the API.
    var document: Document?

    struct Document {
        /// Lines of its own, each begun by the end of the one before.
        var fields: [UInt8]
        var ageSeconds: Int64
    }

    init(status: Int, requestId: RequestId, isEventStream: Bool = false, standing: LimitStanding? = nil) {
        self.status = status
        self.requestId = requestId
        self.isEventStream = isEventStream
        self.standing = standing
    }

    /// Of an error. Who may come again later is told when.
    init(_ error: APIError, _ requestId: RequestId, standing: LimitStanding? = nil, retryAfter: Int64? = nil) {
        self.init(status: error.status, requestId: requestId, standing: standing)
        self.retryAfter = retryAfter ?? AnswerHead.usualWait(error)
        shape = error.shape
        isWorthRetrying = error.isRetryable || (error.status < 500 && error.status != 409 && error.status != 429)
    }

    /// Microseconds. Who is refused together with others does not come back together with them; who reads whole seconds is told of one.
    private static func usualWait(_ error: APIError) -> Int64? {
        switch error.code {
        case .tooManyFailedKeys: 60_000_000
        case .idempotencyKeyInUse: 1_000_000
        default: error.status == 503 ? Int64.random(in: 666_667...1_000_000) : nil
        }
    }

    /// Bytes that a head cannot exceed, but for what `mostBytes` adds.
    private static let bound = 832
    private static let servedRegionName: StaticString = "\r\nx-plimsoll-served-region: "

    /// What only few heads have has room only in those.
    private var mostBytes: Int {
        let region = servedRegion.map { $0.utf8.count + AnswerHead.servedRegionName.utf8CodeUnitCount }
        return AnswerHead.bound + (allow?.utf8CodeUnitCount ?? 0) + (document?.fields.count ?? 0) + (region ?? 0)
    }

    /// As HTTP/1.1 writes it.
    ///
    /// - Parameter strictTransport: Seconds, where the connection has TLS; 0: nothing is said of it.
    func write(_ length: Length, keepAlive: Bool, strictTransport: Int, to out: inout ByteBuffer) {
        out.writeText(atMost: mostBytes) { text in
            text.put("HTTP/1.1 ")
            text.put(statusText)
            if let document {
                document.fields.withUnsafeBytes { text.put($0) }
                text.put("\r\nx-plimsoll-status-age: ")
                text.put(decimal: Int(document.ageSeconds))
            } else if isEventStream {
                text.put("\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\nx-accel-buffering: no")
            } else {
                text.put("\r\ncontent-type: application/json")
            }
            text.put("\r\nx-request-id: ")
            text.put(length: 36) { requestId.write(to: $0) }
            if shape == .anthropic {
                // The name under which Anthropic's clients look for it.
                text.put("\r\nrequest-id: ")
                text.put(length: 36) { requestId.write(to: $0) }
            }
            if let standing { write(standing, to: &text) }
            writeRare(to: &text)
            if strictTransport > 0 {
                text.put("\r\nstrict-transport-security: max-age=")
                text.put(decimal: strictTransport)
            }
            switch length {
            // RFC 9110, section 8.6: a 304 would have to tell the length of what it does not send.
            case .bytes where status == 304: break
            case .bytes(let count):
                text.put("\r\ncontent-length: ")
                text.put(decimal: count)
            case .chunked: text.put("\r\ntransfer-encoding: chunked")
            case .untilClose: break
            }
            text.put(keepAlive ? "\r\n\r\n" : "\r\nconnection: close\r\n\r\n")
        }
    }

    private func writeRare(to text: inout TextWriter) {
        if let retryAfter {
            text.put("\r\nretry-after: ")
            text.put(decimal: Int((retryAfter + 999_999) / 1_000_000))
            text.put("\r\nretry-after-ms: ")
            text.put(decimal: Int((retryAfter + 999) / 1000))
        }
        if let allow {
            text.put("\r\nallow: ")
            text.put(allow)
        }
        if !isWorthRetrying { text.put("\r\nx-should-retry: false") }
        if holdsSecret { text.put("\r\nx-plimsoll-warning: prompt-holds-secret") }
        if let servedModel {
            text.put("\r\nx-plimsoll-served-model: ")
            text.put(servedModel)
        }
        if let servedRegion {
            text.put(AnswerHead.servedRegionName)
            text.put(servedRegion)
        }
        if status == 401 { text.put("\r\nwww-authenticate: Bearer") }
    }

    private func write(_ standing: LimitStanding, to text: inout TextWriter) {
        text.put("\r\nx-ratelimit-limit-requests: ")
        text.put(decimal: Int(standing.requestLimit))
        text.put("\r\nx-ratelimit-remaining-requests: ")
        text.put(decimal: Int(standing.requestsLeft))
        text.put("\r\nx-ratelimit-reset-requests: ")
        text.put(decimal: Int((standing.requestReset + 999) / 1000))
        text.put("ms\r\nx-ratelimit-limit-tokens: ")
        text.put(decimal: Int(standing.tokenLimit))
        text.put("\r\nx-ratelimit-remaining-tokens: ")
        text.put(decimal: Int(standing.tokensLeft))
        text.put("\r\nx-ratelimit-reset-tokens: ")
        text.put(decimal: Int((standing.tokenReset + 999) / 1000))
        text.put("ms")
    }

    private var statusText: StaticString {
        switch status {
        case 200: "200 OK"
        case 201: "201 Created"
        case 304: "304 Not Modified"
        case 400: "400 Bad Request"
        case 401: "401 Unauthorized"
        case 403: "403 Forbidden"
        case 404: "404 Not Found"
        case 405: "405 Method Not Allowed"
        case 408: "408 Request Timeout"
        case 409: "409 Conflict"
        case 413: "413 Content Too Large"
        case 414: "414 URI Too Long"
        case 415: "415 Unsupported Media Type"
        case 417: "417 Expectation Failed"
        case 422: "422 Unprocessable Content"
        case 429: "429 Too Many Requests"
        case 431: "431 Request Header Fields Too Large"
        case 502: "502 Bad Gateway"
        case 503: "503 Service Unavailable"
        case 504: "504 Gateway Timeout"
        case 505: "505 HTTP Version Not Supported"
        default: "500 Internal Server Error"
        }
    }
}
