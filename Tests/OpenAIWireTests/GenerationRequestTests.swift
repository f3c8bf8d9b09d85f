import HTTPWire
import OpenAIWire
import Testing

@Suite struct GenerationRequestTests {
    private func read(_ text: String, _ endpoint: GenerationEndpoint = .chatCompletions) throws -> (GenerationRequest, [String]) {
        let bytes = Array(text.utf8)
        let scan = RequestScan()
        let options = RequestScan()
        let request = try bytes.withUnsafeBytes { buffer in
            try scan.scan(buffer)
            return try GenerationRequest.read(scan, buffer, endpoint: endpoint, options: options)
        }
        return (request, request.removed.all.map { String(decoding: bytes[scan.members[$0].name], as: UTF8.self) })
    }

    private static let messages = #""messages":[{"role":"user","content":"hi"}]"#

    @Test func readsWhatPolicyNeeds() throws {
        let text = #"{"model":"m",\#(Self.messages),"stream":true,"stream_options":{"include_usage":true},"max_tokens":9,"n":2}"#
        let (request, removed) = try read(text)
        #expect(request.model == "m")
        #expect(request.stream)
        #expect(request.includesUsage)
        #expect(request.maxTokens == 9)
        #expect(request.answers == 2)
        #expect(removed == ["model", "stream", "stream_options", "max_tokens"])
    }

    /// Every member that no runtime may be told: across tenants, over what is generated, of a host or of a person.
    private static let levers = [
        "priority", "cache_salt", "request_id", "rid", "session_id", "session_params", "lora_path", "lora", "chat_template", "kv_transfer_params",
        "bootstrap_host", "bootstrap_port", "bootstrap_room", "data_parallel_rank", "routed_dp_rank", "extra_key", "vllm_xargs", "metadata",
        "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "store", "id_slot", "slot_id", "n_predict",
        "max_new_tokens", "max_length", "n_cmpl", "prompt_embeds", "input_ids", "input_embeds", "cache_prompt", "n_cache_reuse", "n_keep",
        "n_discard",
        "backend_sampling", "sse_ping_interval", "custom_logit_processor", "logits_processors", "speculative.n_max", "speculative.n_min",
        "speculative.p_min", "verbose", "response_fields", "timings_per_token", "return_progress", "return_hidden_states",
        "disagg_prefill_dp_rank", "ec_transfer_params", "ngram_corpus_id", "stream_interval", "prompt_logprobs", "return_routed_experts",
    ]

    @Test(arguments: levers)
    func aLeverIsTakenOut(_ lever: String) throws {
        for value in ["1", #""x""#, #"{"a":[1,"}"]}"#, "null"] {
            #expect(try read(#"{"model":"m",\#(Self.messages),"\#(lever)":\#(value),"temperature":0,"top_k":5}"#).1 == ["model", lever])
        }
        let escaped = "\\u00" + String(lever.utf8.first ?? 0, radix: 16) + lever.dropFirst()
        #expect(try read(#"{"model":"m",\#(Self.messages),"\#(escaped)":1}"#).1 == ["model", escaped])
    }

    @Test func theUserIsTakenOutOnceItIsText() throws {
        #expect(try read(#"{"model":"m",\#(Self.messages),"user":"u"}"#).1 == ["model", "user"])
        #expect { try read(#"{"model":"m",\#(Self.messages),"user":1}"#) } throws: { ($0 as? APIError)?.param == "user" }
    }

    @Test(arguments: [
        (#""temperature":"1""#, "temperature"), (#""top_p":[]"#, "top_p"), (#""presence_penalty":true"#, "presence_penalty"),
        (#""frequency_penalty":{}"#, "frequency_penalty"), (#""seed":1.5"#, "seed"), (#""seed":"1""#, "seed"),
        (#""logprobs":"true""#, "logprobs"), (#""top_logprobs":false"#, "top_logprobs"), (#""echo":1"#, "echo"), (#""stop":1"#, "stop"),
        (#""stop":["a",1]"#, "stop"),
        (#""stop":[{}]"#, "stop"), (#""stop":["a",null]"#, "stop"), (#""logit_bias":[]"#, "logit_bias"),
        (#""response_format":"json""#, "response_format"),
        (#""tools":{}"#, "tools"), (#""tools":[1]"#, "tools"), (#""tools":[{"type":1}]"#, "tools[0].type"),
    ])
    func parametersThatGoThroughHaveTheirTypes(_ member: String, _ param: String) {
        #expect { try read(#"{"model":"m",\#(Self.messages),\#(member)}"#) } throws: {
            ($0 as? APIError)?.code == .invalidType && ($0 as? APIError)?.param == param
        }
    }

    @Test(arguments: [
        #""temperature":1e-1,"top_p":null,"seed":-7,"logprobs":true,"top_logprobs":5,"stop":["a","b\""]"#, #""logprobs":3,"stop":"x","stop_x":1"#,
        #""tools":[{"type":"function","function":{"name":"f","parameters":{"type":1}}}],"logit_bias":{"5":1},"response_format":{"type":"text"}"#,
        #""tools":[],"stop":[],"seed":null,"response_format":null"#,
    ])
    func rightTypesGoThrough(_ members: String) throws {
        #expect(try read(#"{"model":"m",\#(Self.messages),\#(members)}"#).1 == ["model"])
    }

    @Test(arguments: [
        ("[1]", APIErrorCode.invalidType, "messages"), (#"[{"role":"user"},"x"]"#, .invalidType, "messages"),
        ("[{}]", .missingParameter, "messages[0].role"),
        (#"[{"role":"user"},{"content":"a"},{"role":"user"}]"#, .missingParameter, "messages[1].role"),
        (#"[{"role":"user"},{"role":null}]"#, .invalidType, "messages[1].role"),
        (#"[{"role":"user","content":5}]"#, .invalidType, "messages[0].content"),
        (#"[{"role":"user","content":["a",{}]}]"#, .invalidType, "messages[0].content"),
    ])
    func messagesAreObjectsWithARole(_ messages: String, _ code: APIErrorCode, _ param: String) {
        #expect { try read(#"{"messages":\#(messages),"model":"m"}"#) } throws: {
            ($0 as? APIError)?.code == code && ($0 as? APIError)?.param == param
        }
    }

    @Test(arguments: [
        (#"[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":["b"]}]}]"#, 1),
        (#"[{"\u0072ole":"user","content":null}]"#, 1),
        (#"[{"role":"assistant","tool_calls":[{"role":1,"content":2}]},{"content":[],"role":"tool"}]"#, 2),
    ])
    func whatIsInsideAMessageIsLeftToTheRuntime(_ messages: String, _ count: Int) throws {
        #expect(try read(#"{"messages":\#(messages),"model":"m"}"#).0.messages == count)
    }

    @Test func aPromptHasAtLeastATokenForThirtyTwoBytes() throws {
        let text = String(repeating: "x", count: 3200)
        #expect(try read(#"{"model":"m","prompt":"\#(text)"}"#, .completions).0.leastPromptTokens == 100)
        #expect(try read(#"{"model":"m","prompt":["\#(text)","\#(text)"]}"#, .completions).0.leastPromptTokens == 100)
        #expect(try read(#"{"model":"m","prompt":[[1,2,3],[4,5,6]]}"#, .completions).0.leastPromptTokens == 3)
    }

    private func estimate(_ members: String, _ endpoint: GenerationEndpoint = .chatCompletions) throws -> Int {
        try read(#"{"model":"m",\#(members)}"#, endpoint).0.estimatedPromptTokens
    }

    @Test(arguments: ["tools", "functions", "documents"])
    func whatATemplateAddsCountsAsText(_ name: String) throws {
        let value = #"[{"type":"function","text":"\#(String(repeating: "x", count: 40_000))"}]"#
        let alone = try estimate(Self.messages)
        for endpoint in [GenerationEndpoint.chatCompletions, .responses, .messages] {
            #expect((10_000...10_020).contains(try estimate(#"\#(Self.messages),"\#(name)":\#(value)"#, endpoint) - alone))
        }
        #expect(try estimate(#""\#(name)":null,\#(Self.messages)"#) == alone)
        #expect(try estimate(#""prompt":"hi","\#(name)":\#(value)"#, .completions) == 2)
        #expect(try read(#"{"model":"m",\#(Self.messages),"\#(name)":\#(value)}"#).0.leastPromptTokens < 10)
    }

    @Test func formatsAndLongArgumentsOfTheTemplateCountAsText() throws {
        let (alone, text) = (try estimate(Self.messages), String(repeating: "x", count: 40_000))
        let format = #""response_format":{"type":"json_schema","json_schema":{"schema":{"description":"\#(text)"}}}"#
        #expect((10_000...10_050).contains(try estimate("\(Self.messages),\(format)") - alone))
        #expect((9_900...10_050).contains(try estimate(#"\#(Self.messages),"chat_template_kwargs":{"custom_tools":"\#(text)"}"#) - alone))
        #expect(try estimate(#"\#(Self.messages),"chat_template_kwargs":{"enable_thinking":false}"#) == alone)
    }

    private func content(_ parts: String, of members: String = "") -> String {
        #""messages":[{"role":"user","content":"hi"},{"role":"user","content":[{"type":"text","text":"a"},\#(parts)]\#(members)}]"#
    }

    @Test(arguments: [
        (#"{"type":"image_url","image_url":{"detail":"low","url":"data:DATA"}}"#, 1_500), (#"{"type":"image_url","image_url":"data:DATA"}"#, 1_500),
        (#"{"type":"image_url","image_url":{"url":"data:DATA"}},{"type":"image_url","image_url":{"url":"https://a/b"}}"#, 3_000),
        (#"{"type":"audio_url","audio_url":{"url":"data:DATA"}}"#, 1_500),
        (#"{"type":"input_audio","input_audio":{"data":"DATA","format":"wav"}}"#, 1_500),
        (#"{"type":"video_url","video_url":{"url":"data:DATA"}}"#, 16_000),
    ])
    func picturesSoundsAndFilmsCountFlat(_ parts: String, _ tokens: Int) throws {
        let data = String(repeating: "A", count: 400_000)
        let members = content(parts.replacing("DATA", with: data))
        #expect((0...80).contains(try estimate(members) - tokens))
        #expect(try read(#"{"model":"m",\#(members)}"#).0.leastPromptTokens < 20)
    }

    /// Text that only looks like a picture may reach the prompt as it is.
    @Test(arguments: [
        #"{"type":"text","text":"data:DATA"}"#, #"{"type":"text","text":{"url":"data:DATA"}}"#,
        #"{"type":"image_url","image_url":{"alt":"data:DATA"}}"#, #"{"type":"image_url","image_url":{"url":{"url":"data:DATA"}}}"#,
        #"{"type":"image_url","url":"data:DATA"}"#, #"{"type":"input_audio","input_audio":"DATA"}"#,
        #"{"type":"image_url","image\u005furl":{"url":"data:DATA"}}"#, #"{"type":"image_url","image_url":["data:DATA"]}"#,
    ])
    func textBesidePicturesCountsByItsBytes(_ parts: String) throws {
        let data = String(repeating: "A", count: 400_000)
        #expect((100_000...100_100).contains(try estimate(content(parts.replacing("DATA", with: data)))))
    }

    @Test func picturesElsewhereThanInMessagesAreText() throws {
        let part = #"[{"content":[{"image_url":{"url":"data:\#(String(repeating: "A", count: 400_000))"}}]}]"#
        #expect(try estimate(#"\#(Self.messages),"elsewhere":\#(part)"#) == (try estimate(Self.messages)))
        #expect((100_000...100_100).contains(try estimate(#"\#(Self.messages),"documents":\#(part)"#)))
        #expect((100_000...100_100).contains(try estimate(content(#"{"type":"text","text":"b"}"#, of: #","tool_calls":\#(part)"#))))
    }

    @Test func whatATemplateIsToldIsAnObject() {
        #expect { try read(#"{"model":"m",\#(Self.messages),"chat_template_kwargs":"x"}"#) } throws: {
            ($0 as? APIError)?.code == .invalidType && ($0 as? APIError)?.param == "chat_template_kwargs"
        }
    }

    @Test(arguments: [
        (#"{"messages":[{"role":"user"}]}"#, APIErrorCode.missingParameter, "model"), (#"{"model":"m"}"#, .missingParameter, "messages"),
        (#"{"model":1,"messages":[{"role":"user"}]}"#, .invalidType, "model"),
        (#"{"model":"","messages":[{"role":"user"}]}"#, .invalidValue, "model"),
        (#"{"model":"m","messages":"x"}"#, .invalidType, "messages"), (#"{"model":"m","messages":[ ]}"#, .invalidValue, "messages"),
        (#"{"model":"m","messages":[{"role":"user"}],"stream":"true"}"#, .invalidType, "stream"),
        (#"{"model":"m","messages":[{"role":"user"}],"max_tokens":"9"}"#, .invalidType, "max_tokens"),
        (#"{"model":"m","messages":[{"role":"user"}],"max_tokens":16.0}"#, .invalidType, "max_tokens"),
        (#"{"model":"m","messages":[{"role":"user"}],"max_tokens":1e3}"#, .invalidType, "max_tokens"),
        (#"{"model":"m","messages":[{"role":"user"}],"max_tokens":-5}"#, .invalidValue, "max_tokens"),
        (#"{"model":"m","messages":[{"role":"user"}],"max_completion_tokens":0}"#, .invalidValue, "max_completion_tokens"),
        (#"{"model":"m","messages":[{"role":"user"}],"n":16384}"#, .invalidValue, "n"),
        (#"{"model":"m","messages":[{"role":"user"}],"best_of":99}"#, .invalidValue, "best_of"),
        (#"{"model":"m","messages":[{"role":"user"}],"stream_options":{}}"#, .invalidValue, "stream_options"),
        (#"{"model":"m","messages":[{"role":"user"}],"stream":true,"stream_options":1}"#, .invalidType, "stream_options"),
    ])
    func refusesWrongTypesWithTheParameter(_ text: String, _ code: APIErrorCode, _ param: String) {
        #expect { try read(text) } throws: { ($0 as? APIError)?.code == code && ($0 as? APIError)?.param == param }
    }

    @Test(arguments: [
        (#""max_tokens":50,"max_completion_tokens":20"#, "max_tokens"), (#""max_completion_tokens":50,"max_tokens":20"#, "max_completion_tokens"),
    ])
    func ofTwoCapsTheSmallerIsSentAndTheGreaterIsChecked(_ caps: String, _ greater: String) throws {
        let (request, removed) = try read(#"{"model":"m",\#(Self.messages),\#(caps)}"#)
        #expect(request.maxTokens == 20)
        #expect(request.greatestMaxTokens == 50)
        #expect(request.maxTokensParam == greater)
        #expect(Set(removed) == ["model", "max_tokens", "max_completion_tokens"])
    }

    @Test func nullMeansMissing() throws {
        let (request, removed) = try read(#"{"model":"m",\#(Self.messages),"max_tokens":null,"stream":null,"n":null}"#)
        #expect(request.maxTokens == nil)
        #expect(!request.stream)
        #expect(removed == ["model", "max_tokens", "stream"])
    }

    @Test func completionsNeedAPrompt() throws {
        #expect(try read(#"{"model":"m","prompt":"hello"}"#, .completions).0.promptBytes == 7)
        #expect { try read(#"{"model":"m","prompt":7}"#, .completions) } throws: { ($0 as? APIError)?.param == "prompt" }
    }

    @Test(arguments: [
        (#""a""#, 1), (#"["a"]"#, 1), (#"["a","b]\"[,","c"]"#, 3), ("[1,2,3]", 1), ("[[1,2],[3]]", 2),
        (#"[ [1, 2] , "x", {"prompt_string":"a"} ]"#, 3),
        (#"[12,"a"]"#, 1),
    ])
    func everyPromptCounts(_ prompt: String, _ count: Int) throws {
        let request = try read(#"{"n":2,"model":"m","prompt":\#(prompt),"best_of":3}"#, .completions).0
        #expect(request.prompts == count)
        #expect(request.answers == 2 * count)
        #expect(request.generated == 3 * count)
    }

    @Test func aPromptOfNumbersHasAsManyTokens() throws {
        let numbers = Array(repeating: "7", count: 999).joined(separator: ",")
        #expect(try read(#"{"model":"m","prompt":[[\#(numbers)],[-1]]}"#, .completions).0.estimatedPromptTokens == 1000)
    }

    @Test(arguments: [
        (#""abcdefgh""#, 3), (#"["a","abcdefgh"]"#, 3), (#"["a]\"[,","bcd"]"#, 3), ("[[1,2,3,4,5,6,7],[1]]", 7),
        (#"[{"a":"b"},"abcdefghijklmno"]"#, 5),
    ])
    func theLongestOfSeveralPromptsIsKnown(_ input: String, _ tokens: Int) throws {
        #expect(try read(#"{"model":"m","input":\#(input)}"#, .embeddings).0.longestPromptTokens == tokens)
    }

    @Test(arguments: [("[]", 1), ("[ ]", 1), (prompts(129), 1), (prompts(65), 2), (prompts(9), 16)])
    func tooManyPromptsAreRefused(_ prompt: String, _ answers: Int) {
        #expect { try read(#"{"model":"m","prompt":\#(prompt),"n":\#(answers)}"#, .completions) } throws: {
            ($0 as? APIError)?.code == .invalidValue && ($0 as? APIError)?.param == "prompt"
        }
        #expect(throws: Never.self) { try read(#"{"model":"m","prompt":\#(Self.prompts(128 / answers)),"n":\#(answers)}"#, .completions) }
    }

    private static func prompts(_ count: Int) -> String { "[" + Array(repeating: #""a""#, count: count).joined(separator: ",") + "]" }

    @Test(arguments: [(#""a""#, 1, 0), (#"["a","b"]"#, 2, 0), ("[1,2,3]", 1, 3), ("[[1,2],[3]]", 2, 3)])
    func embeddingsReadTheirInput(_ input: String, _ texts: Int, _ numbers: Int) throws {
        let (request, removed) = try read(
            #"{"model":"e","input":\#(input),"dimensions":64,"encoding_format":"base64","user":"u","stream":true}"#, .embeddings)
        #expect(request.prompts == texts && request.promptNumbers == numbers && request.promptBytes == input.utf8.count)
        #expect(request.generated == 0 && !request.stream)
        #expect(removed == ["model", "user", "stream"])
    }

    @Test(arguments: [
        (#""input":7"#, APIErrorCode.invalidType, "input"), (#""input":[]"#, .invalidValue, "input"), (#""prompt":"x""#, .missingParameter, "input"),
        (#""input":"a","dimensions":"x""#, .invalidType, "dimensions"), (#""input":"a","encoding_format":1"#, .invalidType, "encoding_format"),
    ])
    func mistakesInEmbeddingsAreNamed(_ members: String, _ code: APIErrorCode, _ param: String) {
        #expect { try read(#"{"model":"e",\#(members)}"#, .embeddings) } throws: {
            ($0 as? APIError)?.code == code && ($0 as? APIError)?.param == param
        }
    }

    @Test func capsOfResponsesHaveTheirOwnName() {
        #expect { try read(#"{"model":"m",\#(Self.messages),"max_completion_tokens":"x"}"#, .responses) } throws: {
            ($0 as? APIError)?.param == "max_output_tokens"
        }
    }
}
