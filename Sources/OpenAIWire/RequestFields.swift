import HTTPWire

/// Members at the top of a request that policy looks at.
enum RequestField: Sendable {
    case model
    case messages
    case prompt
    case input
    case stream
    case streamOptions
    case maxTokens
    case maxCompletionTokens
    case n
    case bestOf
    /// Goes through; how large an answer may be depends on it.
    case echo
    /// Interactive or batch; it is the gateway's to keep, no runtime is told.
    case serviceTier
    /// Goes through as it is, once its type is right: runtimes call a wrong one their own failure.
    case typed(ParameterType)
    /// The same, and runtimes make a part of the prompt of it.
    case prompted(ParameterType?)
    /// What the model's template is told beside the messages. Stays, without levers.
    case templateArguments
    /// The customer's name for the one who asks. Taken out like a lever, once its type is right.
    case user
    /// A lever across tenants, over what is generated or over what is told of a host, or something that no host may learn: taken out.
    case lever

    /// Names by their length, so that a member is compared with few of them.
    private static let byLength: [[(StaticString, RequestField)]] = {
        let owned: [(StaticString, RequestField)] = [
            ("model", .model), ("messages", .messages), ("prompt", .prompt), ("input", .input), ("stream", .stream),
            ("stream_options", .streamOptions),
            ("max_tokens", .maxTokens), ("max_completion_tokens", .maxCompletionTokens), ("n", .n), ("best_of", .bestOf), ("user", .user),
            ("service_tier", .serviceTier), ("echo", .echo),
            ("temperature", .typed(.number)), ("top_p", .typed(.number)), ("presence_penalty", .typed(.number)),
            ("frequency_penalty", .typed(.number)), ("seed", .typed(.integer)), ("top_logprobs", .typed(.integer)),
            ("logprobs", .typed(.switchOrInteger)), ("stop", .typed(.texts)), ("logit_bias", .typed(.object)),
            ("response_format", .prompted(.object)), ("tools", .prompted(.tools)), ("functions", .prompted(nil)),
            ("documents", .prompted(nil)), ("guided_json", .prompted(nil)), ("guided_regex", .prompted(nil)), ("guided_choice", .prompted(nil)),
            ("guided_grammar", .prompted(nil)), ("structured_outputs", .prompted(nil)), ("chat_template_kwargs", .templateArguments),
            ("dimensions", .typed(.integer)),
            ("encoding_format", .typed(.text)), ("parallel_tool_calls", .typed(.switch)),
        ]
        let levers: [StaticString] = [
            "priority", "cache_salt", "request_id", "rid", "lora_path", "lora", "chat_template", "kv_transfer_params", "metadata",
            "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "store", "id_slot",
            "slot_id", "n_predict", "max_new_tokens", "max_length", "data_parallel_rank", "routed_dp_rank", "extra_key", "vllm_xargs",
            "disagg_prefill_dp_rank", "ec_transfer_params", "ngram_corpus_id",
            // More answers, a longer prompt or a longer answer than was counted.
            "n_cmpl", "prompt_embeds", "input_ids", "input_embeds",
            // The runtime's own doings: its cache, its code, its stream.
            "cache_prompt", "n_cache_reuse", "n_keep", "n_discard", "backend_sampling", "sse_ping_interval", "custom_logit_processor",
            "logits_processors",
            // Many tokens in one event: of who leaves, events are counted.
            "stream_interval",
            // As much as the prompt, and no customer is told it.
            "prompt_logprobs", "return_routed_experts",
            // Told of the host: rendered prompts, settings, timings.
            "verbose", "response_fields", "timings_per_token", "return_progress", "return_hidden_states",
        ]
        var table = [[(StaticString, RequestField)]](repeating: [], count: 32)
        for (name, field) in owned { table[name.utf8CodeUnitCount].append((name, field)) }
        for name in levers { table[name.utf8CodeUnitCount].append((name, .lever)) }
        return table
    }()

    /// Runtimes hand what a template is told to the function that renders it, whose own arguments these are: another template, another
    /// conversation, or something else than its text.
    private static let templateLevers: [StaticString] = [
        "chat_template", "conversation", "messages", "tokenize", "add_generation_prompt", "continue_final_message", "padding", "truncation",
        "max_length", "return_tensors", "return_dict", "return_assistant_tokens_mask", "tokenizer_kwargs",
    ]

    private static let prefixes: [StaticString] = ["session_", "bootstrap_", "speculative."]

    /// Nil for members that go through as they are.
    static func of(_ member: JSONMember, in bytes: UnsafeRawBufferPointer) -> RequestField? {
        if let decoded = member.decodedName(in: bytes) { return decoded.withUnsafeBytes { named($0) } }
        return named(UnsafeRawBufferPointer(rebasing: bytes[member.name]))
    }

    /// A member of `chat_template_kwargs` that is none of the template's own.
    static func isTemplateLever(_ member: JSONMember, in bytes: UnsafeRawBufferPointer) -> Bool {
        let name = member.decodedName(in: bytes) ?? Array(bytes[member.name])
        return templateLevers.contains { lever in name.elementsEqual(UnsafeBufferPointer(start: lever.utf8Start, count: lever.utf8CodeUnitCount)) }
    }

    /// The name of a member that is looked at here; any other name is the customer's own words.
    static func isKnown(_ name: Substring) -> Bool {
        Array(name.utf8).withUnsafeBytes { bytes in bytes.count < byLength.count && byLength[bytes.count].contains { bytes.starts(withText: $0.0) } }
    }

    @inline(__always)
    private static func named(_ name: UnsafeRawBufferPointer) -> RequestField? {
        if name.count < byLength.count {
            for (candidate, field) in byLength[name.count] where name.starts(withText: candidate) { return field }
        }
        for prefix in prefixes where name.starts(withText: prefix) { return .lever }
        return nil
    }
}

extension UnsafeRawBufferPointer {
    @inline(__always)
    func starts(withText text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard count >= length else { return false }
        let expected = text.utf8Start
        for offset in 0..<length where self[offset] != expected[offset] { return false }
        return true
    }
}
