package import HTTPWire

/// One error as a customer sees it: `{"error":{"message":…,"type":…,"param":…,"code":…}}`.
package struct APIError: Error, Sendable, Equatable {
    package var code: APIErrorCode
    package var message: String
    /// Path of the member that is wrong, such as `messages[0].content`.
    package var param: String?

    package init(_ code: APIErrorCode, message: String? = nil, param: String? = nil) {
        self.code = code
        self.message = message ?? code.message
        self.param = param
    }

    package var status: Int { code.status }

    /// The JSON body.
    package var body: [UInt8] {
        var bytes = Array(#"{"error":{"message":"#.utf8)
        bytes += BodyEdit.quoted(message)
        bytes += Array(#","type":""#.utf8) + Array(code.type.utf8)
        bytes += Array(#"","param":"#.utf8)
        bytes += param.map { BodyEdit.quoted($0) } ?? Array("null".utf8)
        bytes += Array(#","code":""#.utf8) + Array(code.rawValue.utf8)
        bytes += Array(#"","retryable":"#.utf8) + Array((code.isRetryable ? "true" : "false").utf8)
        bytes += Array("}}".utf8)
        return bytes
    }

    /// The same as an event of a stream.
    package var event: [UInt8] {
        Array("data: ".utf8) + body + Array("\n\n".utf8)
    }

    /// For a body that is no acceptable JSON.
    package init(_ fault: JSONFault) {
        let param = fault.path.isEmpty ? nil : fault.path
        switch fault.code {
        case .duplicateKey: self.init(.duplicateKey, message: fault.message, param: param)
        default: self.init(.invalidJSON, message: fault.message, param: param)
        }
    }
}
