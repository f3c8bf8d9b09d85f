import Foundation
import TestSupport
import Testing

extension MachineTests {
    @Suite struct OfficialClientTests {
        /// A real runtime with a tiny model behind gateway, link and agent; in front of them what a customer has.
        @Test(.timeLimit(.minutes(4))) func officialClientIsServedByARealRuntime() async throws {
            try await Installation.with(runtime: "llamacpp", settings: ["PLIMSOLL_LLAMA_MODEL": Checkout.tinyModel]) { plimsoll in
                let found = try await findings(plimsoll)
                let chat = try #require(found["chat"] as? [Any])
                #expect(chat.first as? Bool == true && chat.dropFirst().map { "\($0)" } == ["12", "length"])
                #expect((found["stream"] as? [Int])?.last == 12)
                #expect(found["usage_unasked"] as? Bool == false)
                #expect(found["completion"] as? Bool == true)
                #expect((found["models"] as? [String])?.contains(plimsoll.model) == true)
                #expect(found["model"] as? String == plimsoll.model)
                let headers = try #require(found["headers"] as? [String])
                #expect(headers.contains("x-request-id"))
                #expect(headers.contains("x-ratelimit-remaining-tokens"))
                let badKey = try #require(found["bad_key"] as? [Any])
                #expect(badKey.prefix(3).map { "\($0)" } == ["AuthenticationError", "401", "invalid_api_key"])
                #expect(refusal(found, "unknown_model") == ["NotFoundError", "404"])
                #expect(refusal(found, "wrong_type") == ["BadRequestError", "400"])
                #expect(refusal(found, "no_messages") == ["BadRequestError", "400"])
                #expect(refusal(found, "too_many_tokens") == ["BadRequestError", "400"])
            }
        }

        private func refusal(_ found: [String: Any], _ name: String) -> [String] {
            (found[name] as? [Any])?.prefix(2).map { "\($0)" } ?? ["\(found[name] ?? "missing")"]
        }

        private func findings(_ plimsoll: Installation) async throws -> [String: Any] {
            let errors = plimsoll.state + "/official-client.log"
            let child = try ChildProcess(
                Checkout.python("clients"), [Checkout.script("official_client.py"), plimsoll.url + "/v1", plimsoll.key, plimsoll.model],
                errors: errors)
            let status = try await child.ended(within: .seconds(120))
            #expect(status == 0, "\((try? String(contentsOfFile: errors, encoding: .utf8)) ?? "")")
            let line = try #require(child.lines.last)
            return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
    }
}
