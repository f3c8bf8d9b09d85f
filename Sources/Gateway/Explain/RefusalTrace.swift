import Domain
import OpenAIWire

/// A request that was refused before it was admitted: it has no usage record. Never content. Times are microseconds.
struct RefusalTrace {
    let requestId: RequestId
    /// Since 1970.
    let acceptedAt: Int64
    let code: APIErrorCode
    let status: Int
    let param: String?
    /// Nil: no valid key was presented.
    let key: CustomerKey?
    /// Nil: its body was not read so far.
    var model: ModelRoute?
    var promptTokens = 0
    /// After acceptance.
    var refusedAfter: Int64 = 0
    /// Of it, until it was given up that its limits have room.
    var leasedFor: Int64 = 0
    /// What the customer was told.
    var retryAfter: Int64?

    init(_ error: APIError, status: Int? = nil, _ requestId: RequestId, acceptedAt: Int64, key: CustomerKey?) {
        self.requestId = requestId
        self.acceptedAt = acceptedAt
        self.key = key
        code = error.code
        self.status = status ?? error.status
        param = error.param
    }
}
