/// Every error that a customer can see. Raw values are the `code` of the body and never change their meaning.
package enum APIErrorCode: String, Sendable, CaseIterable {
    case invalidAPIKey = "invalid_api_key"
    case addressNotAllowed = "address_not_allowed"
    case permissionDenied = "permission_denied"
    case tooManyFailedKeys = "too_many_failed_keys"
    case contentRefused = "content_policy_violation"
    case modelNotFound = "model_not_found"
    case unknownURL = "unknown_url"
    case notFound = "not_found"
    case methodNotAllowed = "method_not_allowed"
    case malformedRequest = "malformed_request"
    case invalidJSON = "invalid_json"
    case duplicateKey = "duplicate_key"
    case invalidType = "invalid_type"
    case invalidValue = "invalid_value"
    case missingParameter = "missing_required_parameter"
    case unsupportedParameter = "unsupported_parameter"
    case unsupportedEndpoint = "unsupported_endpoint"
    case unsupportedEncoding = "unsupported_content_encoding"
    case unsupportedMediaType = "unsupported_media_type"
    case promptTooLong = "prompt_too_long"
    case contextLengthExceeded = "context_length_exceeded"
    case maxTokensTooLarge = "max_tokens_too_large"
    case invalidRequest = "invalid_request"
    case requestTooLarge = "request_too_large"
    case requestTimeout = "request_timeout"
    case idempotencyKeyInUse = "idempotency_key_in_use"
    case idempotencyKeyUsed = "idempotency_key_used"
    case idempotencyKeyMismatch = "idempotency_key_mismatch"
    case tooManyCaptures = "too_many_captures"
    case rateLimitExceeded = "rate_limit_exceeded"
    case tokensPerMinuteExceeded = "tokens_per_minute_exceeded"
    case tooManyConcurrentRequests = "too_many_concurrent_requests"
    case tokensPerDayExceeded = "tokens_per_day_exceeded"
    case tokensPerMonthExceeded = "tokens_per_month_exceeded"
    case spendLimitExceeded = "spend_limit_exceeded"
    case overCapacity = "over_capacity"
    case noWorkerAvailable = "no_worker_available"
    case meteringUnavailable = "metering_unavailable"
    case serviceUnavailable = "service_unavailable"
    case shuttingDown = "shutting_down"
    case hostLost = "host_lost"
    case runtimeLost = "runtime_lost"
    case upstreamError = "upstream_error"
    case upstreamTimeout = "upstream_timeout"
    case streamInterrupted = "stream_interrupted"

    /// HTTP status before the first byte of an answer.
    package var status: Int {
        switch self {
        case .invalidAPIKey: 401
        case .addressNotAllowed, .permissionDenied: 403
        case .modelNotFound, .unknownURL, .notFound: 404
        case .methodNotAllowed: 405
        case .requestTimeout: 408
        case .idempotencyKeyInUse, .idempotencyKeyUsed, .tooManyCaptures: 409
        case .requestTooLarge: 413
        case .unsupportedEncoding, .unsupportedMediaType: 415
        case .idempotencyKeyMismatch: 422
        case .tooManyFailedKeys, .rateLimitExceeded, .tokensPerMinuteExceeded, .tooManyConcurrentRequests, .tokensPerDayExceeded,
            .tokensPerMonthExceeded, .spendLimitExceeded, .overCapacity:
            429
        case .noWorkerAvailable, .meteringUnavailable, .serviceUnavailable, .shuttingDown: 503
        case .upstreamError, .streamInterrupted, .hostLost, .runtimeLost: 502
        case .upstreamTimeout: 504
        default: 400
        }
    }

    /// The `type` of the body, in OpenAI's words.
    package var type: String {
        switch status {
        case 401: "authentication_error"
        case 403: "permission_error"
        case 404 where self == .modelNotFound: "invalid_request_error"
        case 429: "rate_limit_error"
        case 500...: "api_error"
        default: "invalid_request_error"
        }
    }

    /// The `type` of the body in Anthropic's words, which follow the status.
    package var anthropicType: String {
        switch status {
        case 401: "authentication_error"
        case 403: "permission_error"
        case 404: "not_found_error"
        case 413: "request_too_large"
        case 429: "rate_limit_error"
        case 503: "overloaded_error"
        case 504: "timeout_error"
        case 500...: "api_error"
        default: "invalid_request_error"
        }
    }

    /// Whether the same request may succeed later.
    package var isRetryable: Bool {
        switch status {
        case _ where self == .runtimeLost: false
        case 409: self == .idempotencyKeyInUse
        case 408, 429, 502, 503, 504: true
        default: false
        }
    }

    /// Whose failure it is: what a customer is to blame for is no failure of the service, and counts in no objective.
    package var fault: FaultOwner {
        switch self {
        case .meteringUnavailable, .serviceUnavailable, .shuttingDown: .gateway
        case .noWorkerAvailable, .hostLost, .overCapacity: .host
        case .runtimeLost, .upstreamError, .upstreamTimeout, .streamInterrupted: .runtime
        default: .customer
        }
    }

    /// For people. Fixed text: nothing of a request, a host or a runtime is ever in it.
    package var message: String {
        switch self {
        case .invalidAPIKey: "Incorrect API key provided."
        case .addressNotAllowed: "This key may not be used from this address."
        case .permissionDenied: "This key has not the right to do this."
        case .tooManyFailedKeys: "Too many keys that do not exist were tried from this address."
        case .contentRefused: "The request is against the content rules of this service."
        case .modelNotFound: "The model does not exist or this key may not use it."
        case .unknownURL: "Unknown request URL."
        case .notFound: "There is nothing of that id for this key."
        case .methodNotAllowed: "This method is not allowed here."
        case .malformedRequest: "The request is not valid HTTP."
        case .invalidJSON: "The body is not valid JSON."
        case .duplicateKey: "The body names a key twice."
        case .invalidType: "A parameter has the wrong type."
        case .invalidValue: "A parameter has a value that is not allowed."
        case .missingParameter: "A required parameter is missing."
        case .unsupportedParameter: "A parameter is not supported by this model."
        case .unsupportedEndpoint: "This model does not serve this endpoint."
        case .unsupportedEncoding: "Compressed request bodies are not supported."
        case .unsupportedMediaType: "The body must be application/json."
        case .promptTooLong: "The prompt is longer than this plan allows."
        case .contextLengthExceeded: "Prompt and answer are longer than the context of this model."
        case .maxTokensTooLarge: "More output tokens are asked for than this plan allows."
        case .invalidRequest: "The model refused the request as invalid."
        case .requestTooLarge: "The request is larger than this plan allows."
        case .requestTimeout: "The request did not arrive in time."
        case .idempotencyKeyInUse: "A request with this idempotency key is still running."
        case .idempotencyKeyUsed: "A request with this idempotency key has been answered."
        case .idempotencyKeyMismatch: "This idempotency key came with another request before."
        case .tooManyCaptures: "There are as many captures as may be at once: erase one first."
        case .rateLimitExceeded: "Too many requests a minute for this key."
        case .tokensPerMinuteExceeded: "Too many tokens a minute for this key."
        case .tooManyConcurrentRequests: "Too many requests at once for this key."
        case .tokensPerDayExceeded: "The tokens of this day are used up."
        case .tokensPerMonthExceeded: "The tokens of this month are used up."
        case .spendLimitExceeded: "The spend limit of this month is reached."
        case .overCapacity: "This model is busy: the answer would not have begun in time."
        case .noWorkerAvailable: "No capacity for this model at the moment."
        case .meteringUnavailable: "The service cannot take requests at the moment."
        case .serviceUnavailable: "The service cannot take requests at the moment; try again later."
        case .shuttingDown: "This server is being restarted."
        case .hostLost: "The machine that worked on the answer was lost."
        case .runtimeLost: "The model died over this request or had no memory for it, twice. It may be what the request asks of it."
        case .upstreamError: "The model failed to answer."
        case .upstreamTimeout: "The model did not answer in time."
        case .streamInterrupted: "The answer was interrupted. It is not billed."
        }
    }
}

/// Whose failure an error is. Raw values are what documents and records carry.
package enum FaultOwner: String, Sendable, CaseIterable {
    case customer
    case gateway
    /// A machine or the way to it, or that there are too few of them.
    case host
    /// The program that runs the model.
    case runtime
}
