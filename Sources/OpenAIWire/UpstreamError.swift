import HTTPWire

/// What an error of a runtime means for the request. Its words are never passed on: they name paths, devices and hosts.
package enum UpstreamVerdict: Sendable, Equatable {
    /// The request is at fault: every worker would say so.
    case refused(APIErrorCode)
    /// The worker is at fault or full: another one may do better.
    case retry(APIErrorCode)
    /// The worker has no memory for it, which another one may have: one is asked, and not one after the other.
    case outOfMemory
    /// The model's answer is there, and the runtime cannot read it as what was asked for: the worker is well, and no other one is likely to do better.
    case unreadable
}

package enum UpstreamError {
    /// Judges an answer with a status above 399, or an `error` inside an answer with status 200 (`status` nil).
    ///
    /// Known shapes: `{"error":{"message","type","param","code"}}` with a code in digits or words, the same flat with `"object":"error"`,
    /// `{"error":"text","error_type":"…"}`, and in streams `{"error":{"message","http_status_code"}}`.
    ///
    /// - Parameter endpoint: Not every runtime has every one.
    package static func judge(
        status: Int?, body: UnsafeRawBufferPointer, endpoint: GenerationEndpoint = .chatCompletions
    ) -> UpstreamVerdict {
        let fields = parse(body)
        let effective = status ?? fields.code ?? 500
        // A missing model is the host's mistake; a missing path is what this runtime is not for.
        if !endpoint.generates, [404, 405, 501].contains(effective), !fields.isAboutModel { return .refused(.unsupportedEndpoint) }
        if fields.type == "exceed_context_size_error" || fields.mentionsContext { return .refused(.contextLengthExceeded) }
        if let fault = fields.clientFault { return .refused(fault) }
        if fields.isUnreadable { return .unreadable }
        if effective >= 500, fields.mentionsMemory { return .outOfMemory }
        return verdict(onStatus: effective)
    }

    /// Judges an answer with a status above 399 of which only the beginning is looked at: some runtimes repeat the request in it, many times over.
    package static func judge(status: Int, beginning: UnsafeRawBufferPointer) -> UpstreamVerdict {
        let text = String(decoding: beginning.prefix(1024), as: UTF8.self)
        if status >= 500, let start = text.firstRange(of: #""message":""#) {
            let message = String(text[start.upperBound...])
            if let fault = clientFault(message) { return .refused(fault) }
            if isUnreadable(message) { return .unreadable }
        }
        return verdict(onStatus: status)
    }

    private static func verdict(onStatus status: Int) -> UpstreamVerdict {
        switch status {
        case 400, 422: return .refused(.invalidRequest)
        case 413: return .refused(.contextLengthExceeded)
        case 501: return .refused(.unsupportedParameter)
        case 429, 503, 529: return .retry(.noWorkerAvailable)
        case 408, 504: return .retry(.upstreamTimeout)
        default: return .retry(.upstreamError)
        }
    }

    private struct Fields {
        var code: Int?
        var type: String?
        var mentionsContext = false
        var isAboutModel = false
        var mentionsMemory = false
        /// A failure, by its status, that the request is to blame for.
        var clientFault: APIErrorCode?
        var isUnreadable = false
    }

    private static func parse(_ body: UnsafeRawBufferPointer) -> Fields {
        var fields = Fields()
        guard body.count <= 64 * 1024, let value = try? JSONValue.parse(Array(body)) else { return fields }
        let error = value["error"]?.object != nil ? value["error"] : value
        fields.code = error?["code"]?.integer.flatMap { Int(exactly: $0) } ?? error?["code"]?.string.flatMap { Int($0) }
        fields.type = error?["type"]?.string ?? value["error_type"]?.string
        fields.isAboutModel = error?["param"]?.string == "model"
        let message = error?["message"]?.string ?? value["error"]?.string ?? ""
        if fields.code == nil, error?["http_status_code"] != nil { fields.code = status(ofStreamed: message) }
        if fields.code == nil { fields.code = status(ofType: fields.type) }
        let isClients = fields.code.map { (400..<500).contains($0) } ?? false
        fields.mentionsContext = isClients && contextWords.contains { message.contains($0) }
        if !isClients { (fields.clientFault, fields.isUnreadable) = (clientFault(message), isUnreadable(message)) }
        fields.mentionsMemory = ["out of memory", "OutOfMemory"].contains { message.contains($0) || fields.type?.contains($0) == true }
        return fields
    }

    /// Of vLLM and SGLang; of vLLM for models with an encoder, and where `max_tokens` alone is above it; of TGI for prompt and answer, and for
    /// the prompt alone; of SGLang where its memory holds less than the context.
    private static let contextWords = [
        "context length", "maximum context", "maximum model length", "max_model_len", "`inputs` tokens + `max_new_tokens` must be",
        "`inputs` must have less than", "exceeds the maximum allowed length",
    ]

    /// llama.cpp's server says 500 for parts of a request that it cannot read or that the model has no input for, and for a text to embed that is
    /// longer than it works on at once.
    private static func clientFault(_ message: String) -> APIErrorCode? {
        if message.hasPrefix("input"), message.contains("is too large to process") { return .contextLengthExceeded }
        if unreadable.contains(where: { message.hasPrefix($0) }) { return .invalidRequest }
        return ["image", "audio", "video"].contains { message.hasPrefix($0 + " input is not supported") } ? .unsupportedParameter : nil
    }

    /// llama.cpp's server says 500 where what the model wrote is not in the form that its template has for texts, thoughts and calls of tools.
    private static func isUnreadable(_ message: String) -> Bool {
        message.hasPrefix("The model produced output that does not match the expected") || message.hasPrefix("Failed to parse input at pos")
    }

    private static let unreadable = [
        "Failed to parse messages", "Failed to parse tools", "Failed to parse tool call arguments", "Unknown reasoning format",
        "Cannot use both json_schema and grammar", "Failed to load image or audio file",
    ]

    /// TGI says 422 of every error in a stream: only its words tell whose it is.
    private static func status(ofStreamed message: String) -> Int {
        if message.hasPrefix("Model is overloaded") { return 429 }
        let isClients = ["Input validation error", "Template error", "Missing template", "Tool error"].contains { message.hasPrefix($0) }
        return isClients ? 422 : 500
    }

    /// Statuses of the words that runtimes use when they give no number.
    private static func status(ofType type: String?) -> Int? {
        switch type {
        case "invalid_request_error", "BadRequestError", "validation", "BadRequest": 400
        case "not_supported_error": 501
        case "overloaded", "unavailable_error": 503
        default: nil
        }
    }
}
