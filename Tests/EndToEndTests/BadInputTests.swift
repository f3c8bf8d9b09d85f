import TestSupport
import Testing

extension MachineTests {
    @Suite struct BadInputTests {
        @Test(.timeLimit(.minutes(3))) func mistakesAreAnsweredInTheShapeOfTheAPI() async throws {
            try await Installation.with { plimsoll in
                let say = #""messages":[{"role":"user","content":"hi"}]"#
                let model = #""model":"\#(plimsoll.model)""#
                try await expect(plimsoll, #"{\#(say),"model":"no-such"}"#, 404, "model_not_found")
                try await expect(plimsoll, #"{"model":"#, 400, "invalid_json")
                try await expect(plimsoll, #"{\#(model),\#(model),\#(say)}"#, 400, "duplicate_key")
                try await expect(plimsoll, #"{\#(model),\#(say),"max_tokens":"many"}"#, 400, "invalid_type", parameter: "max_tokens")
                try await expect(plimsoll, #"{\#(model),\#(say),"max_tokens":99999999}"#, 400, "max_tokens_too_large", parameter: "max_tokens")
                let long = String(repeating: "word ", count: 4_000_000)
                let big = #"{\#(model),"messages":[{"role":"user","content":"\#(long)"}]}"#
                #expect(try await plimsoll.chatFromFile(big).status == 413)
                let unknown = try await plimsoll.chat("{}", key: "pls_live_nobody")
                #expect(unknown.status == 401)
                #expect(unknown.at("error.code") == "invalid_api_key")
            }
        }

        private func expect(
            _ plimsoll: Installation, _ body: String, _ status: Int, _ code: String, parameter: String? = nil,
            at location: SourceLocation = #_sourceLocation
        ) async throws {
            let answer = try await plimsoll.chat(body)
            #expect(answer.status == status, "\(answer.body)", sourceLocation: location)
            #expect(answer.at("error.code") == code, "\(answer.body)", sourceLocation: location)
            if let parameter { #expect(answer.at("error.param") == parameter, "\(answer.body)", sourceLocation: location) }
        }
    }
}
