import Testing

@testable import SimulatedRuntime

@Suite struct DialectTests {
    @Test func vllmStreamOpensWithTheRoleAndEndsWithUsageAndDone() async throws {
        let answer = try await withSimulation(.vllm) {
            try await $0.chat("hi", fields: #","stream":true,"max_tokens":3,"stream_options":{"include_usage":true}"#)
        }
        #expect(answer.contains("text/event-stream"))
        #expect(answer.contains(#""delta":{"role":"assistant","content":""}"#))
        #expect(answer.occurrences(of: #""usage":"#) == 1)
        #expect(answer.contains(#""choices":[],"usage":{"prompt_tokens":5,"total_tokens":8,"completion_tokens":3"#))
        #expect(answer.contains("data: [DONE]\n\n"))
    }

    @Test func anAnswerGoesOnWhereTheLastMessageEndsWhenAsked() async throws {
        let story = Story(prompt: "user: [[tokens 8]]", seed: SimulationSettings(dialect: .vllm, model: "tiny").seed)
        let answer = try await withSimulation(.vllm) { client in
            let so = #"{"role":"user","content":"[[tokens 8]]"},{"role":"assistant","content":\#(story.text(tokens: 5).json)}"#
            return try await client.ask(
                "POST", "/v1/chat/completions",
                #"{"model":"tiny","messages":[\#(so)],"continue_final_message":true,"add_generation_prompt":false}"#)
        }
        #expect(answer.contains(#""content":\#(story.text(from: 5, tokens: 3).json)"#) && answer.contains(#""finish_reason":"stop""#))
        #expect(answer.contains(#""completion_tokens":3"#))
    }

    @Test func vllmReportsUsageOnEveryEventWhenAsked() async throws {
        let answer = try await withSimulation(.vllm) {
            try await $0.chat(
                "hi", fields: #","stream":true,"max_tokens":3,"stream_options":{"include_usage":true,"continuous_usage_stats":true}"#)
        }
        #expect(answer.occurrences(of: #""usage":"#) == 5)
    }

    @Test func llamaStreamHoldsItsHeadAndCarriesTimings() async throws {
        let answer = try await withSimulation(.llamacpp) { try await $0.chat("hi", fields: #","stream":true,"max_tokens":3"#) }
        #expect(answer.contains(#""delta":{"role":"assistant","content":null}"#))
        #expect(!answer.contains(#""usage""#))
        #expect(answer.contains(#""timings":{"cache_n":0,"prompt_n":5"#))
        #expect(answer.contains(#""finish_reason":"length","index":0,"delta":{}"#))
    }

    @Test func llamaCarriesTimingsOnEveryEventWhenAsked() async throws {
        let answer = try await withSimulation(.llamacpp) {
            try await $0.chat("hi", fields: #","stream":true,"max_tokens":3,"timings_per_token":true"#)
        }
        for made in 1...3 { #expect(answer.contains(#""predicted_n":\#(made),"#)) }
    }

    @Test func llamaUnderReportsSeveralChoices() async throws {
        let answer = try await withSimulation(.llamacpp) { try await $0.chat("hi", fields: #","n":3,"max_tokens":5"#) }
        #expect(answer.contains(#""completion_tokens":5"#))
        #expect(answer.occurrences(of: #""finish_reason""#) == 3)
    }

    @Test func unknownModelIsRefusedByVllmAndServedByLlama() async throws {
        let refused = try await withSimulation(.vllm) { try await $0.ask("POST", "/v1/chat/completions", chat("hi", model: "other")) }
        #expect(refused.hasPrefix("HTTP/1.1 404"))
        #expect(refused.contains(#""type":"NotFoundError","param":"model","code":404"#))
        let served = try await withSimulation(.llamacpp) { try await $0.ask("POST", "/v1/chat/completions", chat("hi", model: "other")) }
        #expect(served.hasPrefix("HTTP/1.1 200"))
    }

    @Test func contextOverflowHasTheDialectsShape() async throws {
        let long = String(repeating: "word ", count: 200)
        let llama = try await withSimulation(.llamacpp, kvTokens: 400) { try await $0.chat(long) }
        #expect(llama.contains(#""type":"exceed_context_size_error","n_prompt_tokens":"#))
        let vllm = try await withSimulation(.vllm, kvTokens: 100) { try await $0.chat(long) }
        #expect(vllm.contains("maximum context length is 100 tokens"))
    }

    @Test(arguments: [(Dialect.vllm, "vllm:kv_cache_usage_perc{"), (.llamacpp, "llamacpp:requests_deferred 0")])
    func metricsCarryTheDialectsNames(dialect: Dialect, line: String) async throws {
        let answer = try await withSimulation(dialect) { try await $0.ask("GET", "/metrics") }
        #expect(answer.contains(line))
    }

    @Test func textCompletionsNameTheirObject() async throws {
        let answer = try await withSimulation(.vllm) { try await $0.ask("POST", "/v1/completions", #"{"model":"tiny","prompt":"once"}"#) }
        #expect(answer.contains(#""object":"text_completion""#))
        #expect(answer.contains(#""finish_reason":"stop""#))
    }

    @Test func llamaSaysThatItLoads() async throws {
        try await withSimulation(.llamacpp, loading: .seconds(60)) { client in
            let answer = try await client.ask("GET", "/health")
            #expect(answer.hasPrefix("HTTP/1.1 503"))
            #expect(answer.contains("Loading model"))
        }
    }
}
