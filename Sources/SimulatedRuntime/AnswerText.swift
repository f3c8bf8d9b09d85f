/// The JSON of one answer in the words of its dialect: events of a stream and whole bodies.
struct AnswerText {
    let dialect: Dialect
    let kind: CompletionRequest.Kind
    let id: String
    let model: String
    /// Seconds since 1970.
    let created: Int

    /// Before any text: both dialects open each choice of a chat with its role. Text completions have no such event.
    func opening(choice: Int) -> String? {
        guard kind == .chat else { return nil }
        let content = dialect == .vllm ? "\"\"" : "null"
        return event(choices: delta(choice, "{\"role\":\"assistant\",\"content\":\(content)}", finish: nil))
    }

    func token(_ text: String, choice: Int, usage: Usage?, timings: Timings?) -> String {
        let piece = kind == .chat ? delta(choice, "{\"content\":\(text.json)}", finish: nil) : part(choice, text, finish: nil)
        return event(choices: piece, tail: tail(usage, timings))
    }

    func closing(choice: Int, reason: String, usage: Usage?, timings: Timings?) -> String {
        let empty = dialect == .vllm ? "{\"content\":\"\"}" : "{}"
        let piece = kind == .chat ? delta(choice, empty, finish: reason) : part(choice, "", finish: reason)
        return event(choices: piece, tail: tail(usage, timings))
    }

    func usage(_ usage: Usage, timings: Timings?) -> String {
        event(choices: "", tail: tail(usage, timings))
    }

    /// A whole answer, not streamed.
    func whole(texts: [String], reason: String, usage: Usage, timings: Timings?) -> String {
        let choices = texts.enumerated().map { index, text in
            kind == .chat ? message(index, text, finish: reason) : part(index, text, finish: reason)
        }
        return "{" + body(choices: choices.joined(separator: ","), object: object(streamed: false), tail: tail(usage, timings)) + "}"
    }

    private func event(choices: String, tail: String = "") -> String {
        "data: {" + body(choices: choices, object: object(streamed: true), tail: tail) + "}\n\n"
    }

    private func tail(_ usage: Usage?, _ timings: Timings?) -> String {
        let counted = usage.map { ",\"usage\":\($0.json(for: dialect))" } ?? ""
        return counted + (timings.map { ",\"timings\":\($0.json)" } ?? "")
    }

    private func body(choices: String, object: String, tail: String) -> String {
        switch dialect {
        case .vllm:
            "\"id\":\(id.json),\"object\":\(object.json),\"created\":\(created),\"model\":\(model.json),\"choices\":[\(choices)]" + tail
        case .llamacpp:
            "\"choices\":[\(choices)],\"created\":\(created),\"id\":\(id.json),\"model\":\(model.json),\"system_fingerprint\":\"b0-unknown\","
                + "\"object\":\(object.json)" + tail
        }
    }

    private func object(streamed: Bool) -> String {
        switch kind {
        case .chat: streamed ? "chat.completion.chunk" : "chat.completion"
        case .text: "text_completion"
        }
    }

    private func delta(_ choice: Int, _ delta: String, finish: String?) -> String {
        let reason = finish?.json ?? "null"
        switch dialect {
        case .vllm: return "{\"index\":\(choice),\"delta\":\(delta),\"logprobs\":null,\"finish_reason\":\(reason)\(stopReason(finish))}"
        case .llamacpp: return "{\"finish_reason\":\(reason),\"index\":\(choice),\"delta\":\(delta)}"
        }
    }

    private func message(_ choice: Int, _ text: String, finish: String) -> String {
        let message = "{\"role\":\"assistant\",\"content\":\(text.json)}"
        switch dialect {
        case .vllm: return "{\"index\":\(choice),\"message\":\(message),\"logprobs\":null,\"finish_reason\":\(finish.json)\(stopReason(finish))}"
        case .llamacpp: return "{\"finish_reason\":\(finish.json),\"index\":\(choice),\"message\":\(message)}"
        }
    }

    private func part(_ choice: Int, _ text: String, finish: String?) -> String {
        let reason = finish?.json ?? "null"
        switch dialect {
        case .vllm: return "{\"index\":\(choice),\"text\":\(text.json),\"logprobs\":null,\"finish_reason\":\(reason),\"stop_reason\":null}"
        case .llamacpp: return "{\"text\":\(text.json),\"index\":\(choice),\"logprobs\":null,\"finish_reason\":\(reason)}"
        }
    }

    private func stopReason(_ finish: String?) -> String {
        finish == nil ? "" : ",\"stop_reason\":null"
    }
}

/// Token counts as an answer reports them.
struct Usage {
    var prompt: Int
    var completion: Int

    func json(for dialect: Dialect) -> String {
        switch dialect {
        case .vllm:
            "{\"prompt_tokens\":\(prompt),\"total_tokens\":\(prompt + completion),\"completion_tokens\":\(completion),\"prompt_tokens_details\":null}"
        case .llamacpp:
            "{\"completion_tokens\":\(completion),\"prompt_tokens\":\(prompt),\"total_tokens\":\(prompt + completion),"
                + "\"prompt_tokens_details\":{\"cached_tokens\":0}}"
        }
    }
}

/// llama.cpp's own field on the last event of every answer, and on each one where that is asked for.
struct Timings {
    var promptTokens: Int
    var promptMilliseconds: Double
    var tokens: Int
    var milliseconds: Double

    var json: String {
        "{\"cache_n\":0,\"prompt_n\":\(promptTokens),\"prompt_ms\":\(promptMilliseconds),\"predicted_n\":\(tokens),\"predicted_ms\":\(milliseconds)}"
    }
}
