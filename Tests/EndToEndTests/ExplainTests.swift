import Foundation
import TestSupport
import Testing

extension MachineTests {
    /// What an operator is told of one request, by the id that its customer saw.
    @Suite struct ExplainTests {
        @Test(.timeLimit(.minutes(4))) func oneAnswerTellsOfAStreamARetryAndARefusal() async throws {
            try await Installation.with { plimsoll in
                let streamed = try #require(try await Self.stream(plimsoll).first { $0.outcome == "finished" }?.id)
                let told = try await Self.explained(plimsoll, streamed)
                #expect(told.at("usage_record.outcome") == "good" && told.at("usage_record.completion_tokens") == "5")
                #expect(told.at("decisions.0.attempts.0.result") == "answered" && told.at("decisions.0.attempts.0.first_token_after") != nil)
                #expect(told.at("decisions.0.candidates.0.cost") != nil && told.at("decisions.0.attempts.0.worker") == told.at("usage_record.worker"))
                try await Self.tellsOfARetrieval(plimsoll)
                try await Self.tellsOfARetry(plimsoll)
                try await Self.tellsOfARefusal(plimsoll)
                #expect(told.at("decisions.0.candidates.0.host") != nil && told.at("missing") == "<null>")
                try await Self.tellsOfAll(plimsoll)
                // Of what a gateway of the release before recorded the record still answers.
                _ = try await plimsoll.rows("DELETE FROM billing.request_routing WHERE request_id = '\(streamed)'")
                let bare = try await plimsoll.admin("GET", "/requests/\(streamed)")
                #expect(bare.status == 200 && bare.at("usage_record.finished_after") != nil && bare.at("decisions.0") == nil)
                #expect(bare.at("missing") != "<null>" && bare.at("missing") != nil)
                #expect(try await plimsoll.admin("GET", "/requests/\(UUID().uuidString.lowercased())").status == 404)
            }
        }

        /// No request is left out: each record has its routing.
        private static func tellsOfAll(_ plimsoll: Installation) async throws {
            let load = try plimsoll.load(customers: 20, maxTokens: 5, seconds: 60)
            try await Waiting.until("500 records", within: .seconds(50)) {
                try await plimsoll.rows("SELECT 1 FROM billing.usage_event LIMIT 500").count == 500
            }
            let ids = Set(try await load.finish().filter { $0.outcome == "finished" }.compactMap(\.id))
            try await Waiting.until("all records", within: .seconds(30)) {
                try await ids.isSubset(of: plimsoll.rows("SELECT request_id FROM billing.usage_event"))
            }
            let bare = "SELECT 1 FROM billing.usage_event WHERE request_id NOT IN (SELECT request_id FROM billing.request_routing)"
            #expect(try await plimsoll.rows(bare).isEmpty)
        }

        /// What a client says of its own retrieval comes to its record and into the minute.
        private static func tellsOfARetrieval(_ plimsoll: Installation) async throws {
            let answer = try await HTTPCall.send(
                "POST", plimsoll.url + "/v1/chat/completions",
                headers: ["Authorization": "Bearer " + plimsoll.key, "x-retrieval-ms": "850.25"],
                body: #"{"model":"\#(plimsoll.model)","messages":[{"role":"user","content":"hi"}],"max_tokens":5}"#)
            #expect(answer.status == 200, "\(answer.body)")
            let find = "SELECT request_id FROM billing.usage_event WHERE retrieval_us = 850250"
            try await Waiting.until("the record", within: .seconds(30)) { try await plimsoll.rows(find).count == 1 }
            let told = try await explained(plimsoll, try #require(try await plimsoll.rows(find).first))
            #expect(told.at("usage_record.retrieval") == "850250" && told.at("decisions.0.retrieval") == "850250")
            try await Waiting.until("its minute", within: .seconds(30)) {
                try await plimsoll.rows(
                    "SELECT 1 FROM reliability.minute WHERE retrieval_histogram <> '{}' AND retrieved_last_token_histogram <> '{}'"
                ).count == 1
            }
        }

        /// Both hosts are asked until one that fails was asked first.
        private static func tellsOfARetry(_ plimsoll: Installation) async throws {
            try await plimsoll.orderFault("alpha", #"{"fault":"storm_503"}"#)
            var found: HTTPCall?
            try await Waiting.until("a request that was tried twice", within: .seconds(60)) {
                for id in try await stream(plimsoll).filter({ $0.outcome == "finished" }).compactMap(\.id) {
                    let told = try await explained(plimsoll, id)
                    if told.at("decisions.0.attempts.1.reason") != nil { found = told }
                }
                return found != nil
            }
            try await plimsoll.orderFault("alpha", #"{"fault":"none"}"#)
            let told = try #require(found)
            #expect(told.at("decisions.0.attempts.0.result") == "failed" && told.at("decisions.0.attempts.1.result") == "answered")
            #expect(told.at("usage_record.attempts") == "2" && told.at("usage_record.outcome") == "good")
        }

        private static func tellsOfARefusal(_ plimsoll: Installation) async throws {
            let made = try await plimsoll.makeKey("slow")
            try #require(try await plimsoll.admin("PATCH", "/keys/\(made.id)", #"{"requests_per_minute":1}"#).status == 200)
            var refused: LoadClient.Ending?
            try await Waiting.until("a refusal", within: .seconds(30)) {
                let load = try LoadClient(
                    url: plimsoll.url, key: made.key, model: plimsoll.model, customers: 4, turns: 1, maxTokens: 5, seconds: 30)
                refused = try await load.finish().first { $0.detail.contains("rate_limit_exceeded") }
                return refused != nil
            }
            let id = try #require(refused?.id)
            let told = try await explained(plimsoll, id)
            #expect(told.at("usage_record") == "<null>" || told.at("usage_record") == nil)
            #expect(told.at("decisions.0.refusal.code") == "rate_limit_exceeded" && told.at("decisions.0.refusal.key") == made.id)
            #expect(told.at("decisions.0.refusal.status") == "429" && told.at("decisions.0.fault") == "customer")
            let shown = try await plimsoll.command(["requests", "explain", id])
            #expect(shown.code == 0 && shown.text.contains("rate_limit_exceeded"))
        }

        private static func stream(_ plimsoll: Installation) async throws -> [LoadClient.Ending] {
            try await plimsoll.load(customers: 4, turns: 1, maxTokens: 5, seconds: 30).finish()
        }

        /// Once gateways have told what they know: a decision, and the record of what was admitted.
        private static func explained(_ plimsoll: Installation, _ id: String) async throws -> HTTPCall {
            var told: HTTPCall?
            try await Waiting.until("request \(id) is explained", within: .seconds(30)) {
                let answer = try await plimsoll.admin("GET", "/requests/\(id)")
                guard answer.status == 200, answer.at("decisions.0.request_id") == id else { return false }
                guard answer.at("usage_record.outcome") != nil || answer.at("decisions.0.refusal.code") != nil else { return false }
                told = answer
                return true
            }
            return try #require(told)
        }
    }
}
