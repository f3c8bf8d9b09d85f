package import HTTPWire

/// One error as a customer sees it: `{"error":{"message":…,"type":…,"param":…,"code":…,"retryable":…}}`, or in Anthropic's shape.
package struct APIError: Error, Sendable, Equatable {
    package var code: APIErrorCode
    package var message: String
    /// Path of the member that is wrong, such as `messages[0].content`.
    package var param: String?
    /// Waiting does not help, though with this code it mostly does.
    package var isLasting = false
    /// In whose words it is told.
    package var shape = ErrorShape.openAI

    package init(_ code: APIErrorCode, message: String? = nil, param: String? = nil) {
        self.code = code
        self.message = message ?? code.message
        self.param = param
    }

    package var status: Int { code.status }

    /// Whether the same request may succeed later.
    package var isRetryable: Bool { code.isRetryable && !isLasting }

    /// What is told of it, in OpenAI's words.
    package var members: JSONObject {
        [
            "message": .string(message), "type": .string(code.type), "param": param.map { .string($0) } ?? .null,
            "code": .string(code.rawValue), "retryable": .bool(isRetryable),
        ]
    }

    /// The JSON body: `{"error":{…}}`, or Anthropic's `{"type":"error","error":{…}}`.
    package var body: [UInt8] { value.text }

    /// The same as an event of a stream.
    package var event: [UInt8] {
        switch shape {
        case .openAI: Array("data: ".utf8) + body + Array("\n\n".utf8)
        case .anthropic: value.event("error")
        }
    }

    /// The same error in these words.
    package func told(in shape: ErrorShape) -> APIError {
        var error = self
        error.shape = shape
        return error
    }

    private var value: JSONValue {
        guard shape == .anthropic else { return ["error": .object(members)] }
        var members = members
        members.set("type", .string(code.anthropicType))
        return ["type": "error", "error": .object(members)]
    }

    /// For a body that is no acceptable JSON. Names in it may be the customer's own words: only a known parameter is named.
    package init(_ fault: JSONFault) {
        let top = fault.path.prefix { $0 != "." && $0 != "[" }
        let param = RequestField.isKnown(top) ? String(top) : nil
        let message = JSONFault(code: fault.code, offset: fault.offset, path: param ?? "").message
        self.init(fault.code == .duplicateKey ? .duplicateKey : .invalidJSON, message: message, param: param)
    }
}
