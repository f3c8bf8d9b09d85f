import Foundation
import TestSupport
import Testing

extension MachineTests {
    @Suite struct ContinuationTests {
        /// Two hosts compute the same word in batches of another size: the model must prefer each word of this story by far (here by a factor of 3 and
        /// more; of a tale of the sea it was 1.0007).
        private static let questions = [
            "Write the numbers from 1 to 50, one on a line.",
            // Three tokens an event: what is left of the cap must be reckoned from tokens.
            "Write one hundred rockets: 🚀🚀🚀🚀🚀🚀🚀🚀",
        ]

        private static func body(_ question: String) -> String {
            """
            "stream":true,"stream_options":{"include_usage":true},"temperature":0,"max_tokens":160,
            "messages":[{"role":"user","content":"\(question)"}]
            """
        }

        private struct Answer: Equatable {
            var text = ""
            var finish: String?
            var tokens = 0
            var roles = 0
            var isDone = false

            init(_ lines: [String]) {
                for line in lines where line.hasPrefix("data: ") {
                    guard let event = try? JSONSerialization.jsonObject(with: Data(line.dropFirst(6).utf8)) as? [String: Any] else {
                        isDone = line == "data: [DONE]"
                        continue
                    }
                    tokens = (event["usage"] as? [String: Any])?["completion_tokens"] as? Int ?? tokens
                    guard let choice = (event["choices"] as? [[String: Any]])?.first else { continue }
                    let delta = choice["delta"] as? [String: Any]
                    text += delta?["content"] as? String ?? ""
                    roles += delta?["role"] == nil ? 0 : 1
                    finish = choice["finish_reason"] as? String ?? finish
                }
            }
        }

        /// The host that serves a stream dies in the middle of it, agent and runtime. The other one goes on: the customer reads, letter for letter,
        /// what an undisturbed answer says, as one answer, and is billed once.
        @Test(.timeLimit(.minutes(4)), arguments: questions)
        func aBrokenStreamGoesOnToTheSameWordsAndIsBilledOnce(_ question: String) async throws {
            try await Installation.with(runtime: "llamacpp") { plimsoll in
                for host in 0...1 { try await plimsoll.serves(host: host) }
                try await Self.allowContinuation(plimsoll)
                let whole = try Self.ask(plimsoll, question)
                #expect(try await whole.ended(within: .seconds(60)) == 0)
                let expected = Answer(whole.lines)
                try #require(expected.isDone && expected.tokens > 60, "\(whole.lines.suffix(3))")
                let broken = try Self.ask(plimsoll, question)
                try await broken.wait("twenty tokens", within: .seconds(30)) { $0.count { $0.contains(#""content":"#) } >= 20 }
                let provider = try await Self.serving(plimsoll)
                try plimsoll.kill("runtime:\(provider)")
                try plimsoll.kill("agent:\(provider)")
                #expect(try await broken.ended(within: .seconds(60)) == 0)
                #expect(Answer(broken.lines) == expected, "\(broken.lines.suffix(3))")
                let records = try await Self.records(plimsoll, 2).map { $0.split(separator: "|").map(String.init) }
                #expect(records.map { $0[0] } == ["f", "t"] && records.map { $0[1] } == ["good", "good"], "\(records)")
                #expect(records.allSatisfy { $0[2] == "\(expected.tokens)" }, "\(records) of \(expected.tokens)")
            }
        }

        /// The provider whose agent alone relays a request now.
        private static func serving(_ plimsoll: Installation) async throws -> String {
            var found: String?
            try await Waiting.until("one host that serves", within: .seconds(20)) {
                var busy: [String] = []
                for (host, provider) in ["alpha", "beta"].enumerated() {
                    let page = try await HTTPCall.send("GET", "http://127.0.0.1:\(plimsoll.portBase + 202 + 10 * host)/metrics")
                    if !page.body.contains("plimsoll_agent_open_requests 0\n") { busy.append(provider) }
                }
                found = busy.count == 1 ? busy[0] : nil
                return found != nil
            }
            return try #require(found)
        }

        private static func ask(_ plimsoll: Installation, _ question: String) throws -> ChildProcess {
            try ChildProcess(
                "/usr/bin/curl",
                [
                    "-sSN", "-m", "60", "\(plimsoll.url)/v1/chat/completions", "-H", "Authorization: Bearer \(plimsoll.key)", "-H",
                    "Content-Type: application/json", "--data-binary", #"{"model":"\#(plimsoll.model)",\#(body(question))}"#,
                ])
        }

        /// Returns when the gateway has the table that says so.
        private static func allowContinuation(_ plimsoll: Installation) async throws {
            let before = try await version(plimsoll)
            let changed = try await plimsoll.admin("PATCH", "/tiers/pro", #"{"continues_streams":true}"#)
            try #require(changed.status == 200, "\(changed.body)")
            try await Waiting.until("the gateway has the tier's new table", within: .seconds(30)) {
                let newest = try await version(plimsoll)
                let page = try await HTTPCall.send("GET", "http://127.0.0.1:\(plimsoll.portBase + 102)/metrics")
                return newest > before && page.body.contains("plimsoll_gateway_table_version \(newest)\n")
            }
        }

        private static func version(_ plimsoll: Installation) async throws -> Int {
            try await plimsoll.rows("SELECT coalesce(max(version), 0) FROM serving.routing_table_version").first.flatMap { Int($0) } ?? 0
        }

        /// Whether it went on elsewhere, outcome and billed tokens of the answer, of so many long answers as soon as they are there.
        private static func records(_ plimsoll: Installation, _ count: Int) async throws -> [String] {
            var rows: [String] = []
            try await Waiting.until("\(count) records", within: .seconds(30)) {
                rows = try await plimsoll.rows(
                    "SELECT continued, outcome, billable_completion_tokens FROM billing.usage_event WHERE billable_completion_tokens > 60 "
                        + "ORDER BY accepted_at")
                return rows.count == count
            }
            return rows
        }
    }
}
