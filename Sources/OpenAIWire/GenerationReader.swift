import HTTPWire

/// Reads the members that policy owns, one after the other.
struct GenerationReader {
    private let bytes: UnsafeRawBufferPointer
    private let endpoint: GenerationEndpoint
    private let inner: [JSONInnerMember]
    private let media: MediaParts
    private let request: GenerationRequest
    private var hasModel = false
    private var hasPrompt = false
    private var streamOptions: JSONMember?

    init(bytes: UnsafeRawBufferPointer, endpoint: GenerationEndpoint, scan: RequestScan) {
        self.bytes = bytes
        inner = scan.inner
        media = scan.media
        self.endpoint = endpoint
        request = GenerationRequest(endpoint)
    }

    mutating func take(_ field: RequestField, _ member: JSONMember, at index: Int, options: RequestScan) throws(APIError) {
        switch field {
        case .model:
            try model(member)
            // The worker is sent its own name for it.
            request.removed.append(index)
        case .messages: try messages(member, at: index)
        case .prompt: try prompt(member, of: .completions)
        case .input: try prompt(member, of: .embeddings)
        case .stream:
            request.stream = try bool(member, "stream") ?? false
            request.removed.append(index)
        case .streamOptions: try streamOptions(member, at: index, options: options)
        case .maxTokens: try maxTokens(member, "max_tokens", at: index)
        case .maxCompletionTokens: try maxTokens(member, "max_completion_tokens", at: index)
        case .n:
            request.answers = try count(member, "n", 1...GenerationRequest.mostAnswers) ?? 1
            request.generated = max(request.generated, request.answers)
        case .bestOf:
            request.generated = max(request.generated, try count(member, "best_of", 1...GenerationRequest.mostAnswers) ?? 1)
        case .echo: request.echoes = try bool(member, "echo") ?? false
        // Anthropic's own words, which have been checked.
        case .typed where endpoint == .countTokens, .prompted where endpoint == .countTokens: break
        case .typed(let type): try ParameterCheck(bytes: bytes, inner: inner).check(member, at: index, type)
        case .prompted(let type):
            if let type { try ParameterCheck(bytes: bytes, inner: inner).check(member, at: index, type) }
            if endpoint.isChat, member.kind != .null { request.templateBytes += member.value.count }
        case .templateArguments: try templateArguments(member, options: options)
        case .serviceTier:
            request.isBatch = try isBatch(member)
            request.namesServiceTier = member.kind == .string
            request.removed.append(index)
        case .user:
            try ParameterCheck(bytes: bytes, inner: inner).check(member, at: index, .text)
            request.removed.append(index)
        case .lever: request.removed.append(index)
        }
    }

    func finish() throws(APIError) -> GenerationRequest {
        guard hasModel else { throw APIError(.missingParameter, message: "A model must be named.", param: "model") }
        guard hasPrompt else {
            throw APIError(.missingParameter, message: "'\(request.promptParam)' is required.", param: request.promptParam)
        }
        if streamOptions != nil, !request.stream {
            throw APIError(.invalidValue, message: "'stream_options' is allowed only when 'stream' is true.", param: "stream_options")
        }
        if endpoint.generates {
            try multiply()
        } else {
            (request.stream, request.answers, request.generated, request.maxTokens, request.greatestMaxTokens) = (false, 0, 0, nil, nil)
        }
        request.estimate()
        return request
    }

    /// `n` and `best_of` count for each prompt.
    private func multiply() throws(APIError) {
        request.answers *= request.prompts
        request.generated *= request.prompts
        guard request.generated <= GenerationRequest.mostPrompts else {
            let message = "'n' or 'best_of' times the number of prompts must be at most \(GenerationRequest.mostPrompts)."
            throw APIError(.invalidValue, message: message, param: request.promptParam)
        }
    }

    private mutating func model(_ member: JSONMember) throws(APIError) {
        guard member.kind == .string else { throw wrongType("model", "a string") }
        let text = bytes[member.value.lowerBound + 1..<member.value.upperBound - 1]
        guard (1...256).contains(text.count) else { throw APIError(.invalidValue, param: "model") }
        if text.contains(UInt8(ascii: "\\")) {
            let quoted = Array(bytes[member.value])
            guard let decoded = (try? JSONValue.parse(quoted))?.string else { throw wrongType("model", "a string") }
            request.model = decoded
        } else {
            request.model = String(decoding: text, as: UTF8.self)
        }
        hasModel = true
    }

    private mutating func messages(_ member: JSONMember, at index: Int) throws(APIError) {
        guard endpoint.isChat || endpoint == .countTokens else { return }
        guard member.kind == .array else { throw wrongType("messages", "an array") }
        guard member.elements > 0 else {
            throw APIError(.invalidValue, message: "'messages' must not be empty.", param: "messages")
        }
        try ParameterCheck(bytes: bytes, inner: inner).messages(member, at: index)
        request.messages = member.elements
        request.promptBytes = member.value.count
        request.media = media
        hasPrompt = true
    }

    /// Levers in it go, as those at the top do; what is more than a few switches may be text for the prompt.
    private mutating func templateArguments(_ member: JSONMember, options: RequestScan) throws(APIError) {
        if member.kind == .null { return }
        guard member.kind == .object else { throw wrongType("chat_template_kwargs", "an object") }
        let value = UnsafeRawBufferPointer(rebasing: bytes[member.value])
        do throws(JSONFault) { try options.scan(value) } catch { throw APIError(error) }
        request.blanked = BodyEdit.places(of: options.members, from: member.value.lowerBound) {
            RequestField.isTemplateLever(options.members[$0], in: value)
        }
        if endpoint.isChat { request.templateBytes += max(0, member.value.count - GenerationRequest.switchBytes) }
    }

    private mutating func prompt(_ member: JSONMember, of owner: GenerationEndpoint) throws(APIError) {
        guard endpoint == owner else { return }
        let name = owner.promptParam
        guard member.kind == .array || member.kind == .string else { throw wrongType(name, "a string or an array") }
        if member.kind == .array { try countPrompts(UnsafeRawBufferPointer(rebasing: bytes[member.value])) }
        request.promptBytes = member.value.count
        hasPrompt = true
    }

    private mutating func countPrompts(_ array: UnsafeRawBufferPointer) throws(APIError) {
        let count = PromptCount(array)
        let most = endpoint == .embeddings ? GenerationRequest.mostInputs : GenerationRequest.mostPrompts
        guard (1...most).contains(count.prompts) else {
            let noun = endpoint == .embeddings ? "texts" : "prompts"
            let message = "'\(request.promptParam)' must hold from 1 to \(most) \(noun)."
            throw APIError(.invalidValue, message: message, param: request.promptParam)
        }
        request.prompts = count.prompts
        request.promptNumbers = count.tokens
        request.longestPrompt = count.prompts > 1 ? count.longest : nil
    }

    private mutating func streamOptions(_ member: JSONMember, at index: Int, options: RequestScan) throws(APIError) {
        request.removed.append(index)
        if member.kind == .null { return }
        guard member.kind == .object else { throw wrongType("stream_options", "an object") }
        streamOptions = member
        let value = UnsafeRawBufferPointer(rebasing: bytes[member.value])
        do throws(JSONFault) { try options.scan(value) } catch { throw APIError(error) }
        for option in options.members where value[option.name].elementsEqual("include_usage".utf8) {
            switch option.kind {
            case .bool: request.includesUsage = value[option.value.lowerBound] == UInt8(ascii: "t")
            case .null: break
            default: throw wrongType("stream_options.include_usage", "a boolean")
            }
        }
    }

    /// Both names go, and what was checked is put in their place: which of them a runtime obeys is not ours to know.
    private mutating func maxTokens(_ member: JSONMember, _ name: String, at index: Int) throws(APIError) {
        request.removed.append(index)
        let shown = endpoint == .responses ? "max_output_tokens" : name
        guard let value = try count(member, shown, 1...1_000_000_000) else { return }
        request.maxTokens = min(value, request.maxTokens ?? value)
        guard value > request.greatestMaxTokens ?? 0 else { return }
        request.greatestMaxTokens = value
        request.maxTokensParam = shown
    }

    /// OpenAI's words and our own: `flex` is answered behind all others, every other one at once.
    private func isBatch(_ member: JSONMember) throws(APIError) -> Bool {
        if member.kind == .null { return false }
        guard member.kind == .string else { throw wrongType("service_tier", "a string") }
        let word = bytes[member.value.lowerBound + 1..<member.value.upperBound - 1]
        if ["flex", "batch"].contains(where: { word.elementsEqual($0.utf8) }) { return true }
        guard ["auto", "default", "priority", "scale", "interactive"].contains(where: { word.elementsEqual($0.utf8) }) else {
            let message = "'service_tier' must be 'auto', 'default' or 'interactive', or 'flex' or 'batch' for answers that may take longer."
            throw APIError(.invalidValue, message: message, param: "service_tier")
        }
        return false
    }

    private func bool(_ member: JSONMember, _ name: String) throws(APIError) -> Bool? {
        switch member.kind {
        case .bool: bytes[member.value.lowerBound] == UInt8(ascii: "t")
        case .null: nil
        default: throw wrongType(name, "a boolean")
        }
    }

    /// A whole number without fraction or exponent.
    private func count(_ member: JSONMember, _ name: String, _ range: ClosedRange<Int>) throws(APIError) -> Int? {
        if member.kind == .null { return nil }
        guard member.kind == .number else { throw wrongType(name, "an integer") }
        let digits = bytes[member.value]
        let isNegative = digits.first == UInt8(ascii: "-")
        guard digits.dropFirst(isNegative ? 1 : 0).allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { throw wrongType(name, "an integer") }
        guard !isNegative, digits.count <= 12, let value = Int(String(decoding: digits, as: UTF8.self)), range.contains(value) else {
            let message = "'\(name)' must be from \(range.lowerBound) to \(range.upperBound)."
            throw APIError(.invalidValue, message: message, param: name)
        }
        return value
    }

    private func wrongType(_ name: String, _ expected: String) -> APIError { APIError.wrongType(name, expected) }
}
