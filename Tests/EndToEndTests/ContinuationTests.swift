import Foundation
import TestSupport
import Testing

extension MachineTests {
    @Suite struct ContinuationTests {
        private static let body = """
            "stream":true,"stream_options":{"include_usage":true},"temperature":0,"max_tokens":160,
            "messages":[{"role":"user","content":"Tell me about the harbours of the North Sea and the ships that call there."}]
            """

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
        @Test(.timeLimit(.minutes(4))) func aBrokenStreamGoesOnToTheSameWordsAndIsBilledOnce() async throws {
            try await Installation.with(runtime: "llamacpp") { plimsoll in
                for host in 0...1 { try await plimsoll.serves(host: host) }
                try await Self.allowContinuation(plimsoll)
                let whole = try Self.ask(plimsoll)
                #expect(try await whole.ended(within: .seconds(60)) == 0)
                let expected = Answer(whole.lines)
                try #require(expected.isDone && expected.tokens > 60, "\(whole.lines.suffix(3))")
                // The same prompt goes where its beginning is known.
                let provider = try #require(try await Self.records(plimsoll, 1).first?.split(separator: "|").first)
                let broken = try Self.ask(plimsoll)
                try await broken.wait("twenty tokens", within: .seconds(30)) { $0.count { $0.contains(#""content":"#) } >= 20 }
                try plimsoll.kill("runtime:\(provider)")
                try plimsoll.kill("agent:\(provider)")
                #expect(try await broken.ended(within: .seconds(60)) == 0)
                #expect(Answer(broken.lines) == expected, "\(broken.lines.suffix(3))")
                let records = try await Self.records(plimsoll, 2).map { $0.split(separator: "|").map(String.init) }
                #expect(records.map { $0[1] } == ["f", "t"] && records.map { $0[2] } == ["good", "good"])
                #expect(records.allSatisfy { $0[3] == "\(expected.tokens)" }, "\(records) of \(expected.tokens)")
            }
        }

        private static func ask(_ plimsoll: Installation) throws -> ChildProcess {
            try ChildProcess(
                "/usr/bin/curl",
                [
                    "-sSN", "-m", "60", "\(plimsoll.url)/v1/chat/completions", "-H", "Authorization: Bearer \(plimsoll.key)", "-H",
                    "Content-Type: application/json", "--data-binary", #"{"model":"\#(plimsoll.model)",\#(body)}"#,
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

        /// Provider, whether it went on elsewhere, outcome and billed tokens of the answer, of so many long answers as soon as they are there.
        private static func records(_ plimsoll: Installation, _ count: Int) async throws -> [String] {
            var rows: [String] = []
            try await Waiting.until("\(count) records", within: .seconds(30)) {
                rows = try await plimsoll.rows(
                    "SELECT provider, continued, outcome, billable_completion_tokens FROM billing.usage_event WHERE billable_completion_tokens > 60 "
                        + "ORDER BY accepted_at")
                return rows.count == count
            }
            return rows
        }
    }
}
