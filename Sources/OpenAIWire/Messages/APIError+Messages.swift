import HTTPWire

extension APIError {
    /// The JSON body in Anthropic's shape: `{"type":"error","error":{"type":…,"message":…},"request_id":…}`.
    package func messagesBody(requestId: String) -> [UInt8] { messagesValue(requestId: requestId).text }

    /// The same as an event of a stream.
    package func messagesEvent(requestId: String) -> [UInt8] { messagesValue(requestId: requestId).event("error") }

    private func messagesValue(requestId: String) -> JSONValue {
        var members = members
        members.set("type", .string(code.messagesType))
        return ["type": "error", "error": .object(members), "request_id": .string(requestId)]
    }
}

extension APIErrorCode {
    /// The `type` of the error in Anthropic's words, which follow the status.
    package var messagesType: String {
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
}
