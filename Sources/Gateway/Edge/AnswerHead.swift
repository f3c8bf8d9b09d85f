import PlimsollWire
import Domain
import Exchange
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

    init(status: Int, requestId: RequestId, isEventStream: Bool = false, standing: LimitStanding? = nil) {
        self.status = status
        self.requestId = requestId
        self.isEventStream = isEventStream
        self.standing = standing
    }

    /// Of an error. Who may come again later is told when.
    init(_ error: APIError, _ requestId: RequestId, standing: LimitStanding? = nil, retryAfter: Int64? = nil) {
        self.init(status: error.status, requestId: requestId, standing: standing)
        self.retryAfter = retryAfter ?? (error.status == 503 ? 1_000_000 : nil)
    }

    /// As HTTP/1.1 writes it.
    func write(_ length: Length, keepAlive: Bool, to out: inout ByteBuffer) {
        out.writeStaticString("HTTP/1.1 ")
        out.writeStaticString(statusText)
        if isEventStream {
            out.writeStaticString("\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\nx-accel-buffering: no")
        } else {
            out.writeStaticString("\r\ncontent-type: application/json")
        }
        out.writeStaticString("\r\nx-request-id: ")
        out.writeWithUnsafeMutableBytes(minimumWritableBytes: 36) { buffer in
            requestId.write(to: buffer)
            return 36
        }
        if let standing { write(standing, to: &out) }
        writeRare(to: &out)
        switch length {
        case .bytes(let count):
            out.writeStaticString("\r\ncontent-length: ")
            out.writeDecimal(count)
        case .chunked: out.writeStaticString("\r\ntransfer-encoding: chunked")
        case .untilClose: break
        }
        out.writeStaticString(keepAlive ? "\r\n\r\n" : "\r\nconnection: close\r\n\r\n")
    }

    private func writeRare(to out: inout ByteBuffer) {
        if let retryAfter {
            out.writeStaticString("\r\nretry-after: ")
            out.writeDecimal(Int((retryAfter + 999_999) / 1_000_000))
            out.writeStaticString("\r\nretry-after-ms: ")
            out.writeDecimal(Int((retryAfter + 999) / 1000))
        }
        if let allow {
            out.writeStaticString("\r\nallow: ")
            out.writeStaticString(allow)
        }
        if status == 401 { out.writeStaticString("\r\nwww-authenticate: Bearer") }
    }

    private func write(_ standing: LimitStanding, to out: inout ByteBuffer) {
        out.writeStaticString("\r\nx-ratelimit-limit-requests: ")
        out.writeDecimal(Int(standing.requestLimit))
        out.writeStaticString("\r\nx-ratelimit-remaining-requests: ")
        out.writeDecimal(Int(standing.requestsLeft))
        out.writeStaticString("\r\nx-ratelimit-reset-requests: ")
        out.writeDecimal(Int((standing.requestReset + 999) / 1000))
        out.writeStaticString("ms\r\nx-ratelimit-limit-tokens: ")
        out.writeDecimal(Int(standing.tokenLimit))
        out.writeStaticString("\r\nx-ratelimit-remaining-tokens: ")
        out.writeDecimal(Int(standing.tokensLeft))
        out.writeStaticString("\r\nx-ratelimit-reset-tokens: ")
        out.writeDecimal(Int((standing.tokenReset + 999) / 1000))
        out.writeStaticString("ms")
    }

    private var statusText: StaticString {
        switch status {
        case 200: "200 OK"
        case 400: "400 Bad Request"
        case 401: "401 Unauthorized"
        case 404: "404 Not Found"
        case 405: "405 Method Not Allowed"
        case 408: "408 Request Timeout"
        case 413: "413 Content Too Large"
        case 414: "414 URI Too Long"
        case 415: "415 Unsupported Media Type"
        case 417: "417 Expectation Failed"
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
