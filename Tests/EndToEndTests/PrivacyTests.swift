import Foundation
import TestSupport
import Testing

extension MachineTests {
    @Suite struct PrivacyTests {
        private static let asked = "zebra-question-7341"
        private static let told = "zebra-answer-9152"
        /// Of the forms that are redacted wherever text is written.
        private static let secret = "ghp_zebra7Q2wE4rT6yU8iO0pA1sD3fG5hJ7kL9z"
        private static let address = "zebra.person@example.org"

        /// Markers go into prompts, answers and keys, every path is made to fail, and then everything that was written anywhere is searched.
        @Test(.timeLimit(.minutes(4))) func nothingOfAConversationIsEverWritten() async throws {
            try await Installation.with { plimsoll in
                try await converse(plimsoll)
                try await capture(plimsoll)
                try await provoke(plimsoll)
                try await mistake(plimsoll)
                let made = try await plimsoll.makeKey("searched for")
                _ = try await plimsoll.chat(body(plimsoll), key: made.key)
                try await search(plimsoll, for: [Self.asked, Self.told, Self.secret, Self.address, made.key, "pls_live_zebra", plimsoll.key])
                try countRedactions(plimsoll)
                try coresAreForbidden(plimsoll)
            }
        }

        private func coresAreForbidden(_ plimsoll: Installation) throws {
            for name in ["control", "gateway", "agent:alpha", "agent:beta"] {
                let pid = try plimsoll.pid(name)
                let bounds = try String(contentsOfFile: "/proc/\(pid)/limits", encoding: .utf8).split(separator: "\n")
                let core = bounds.first { $0.hasPrefix("Max core file size") }?.split(separator: " ").dropFirst(4).prefix(2)
                #expect(core == ["0", "0"], "\(name)")
            }
        }

        private func body(_ plimsoll: Installation, _ fields: String = #","max_tokens":8"#) -> String {
            let prompt = "\(Self.asked) [[echo \(Self.told)]]"
            return #"{"model":"\#(plimsoll.model)","messages":[{"role":"user","content":"\#(prompt)"}]\#(fields)}"#
        }

        private func converse(_ plimsoll: Installation) async throws {
            let whole = try await plimsoll.chat(body(plimsoll))
            #expect(whole.body.contains(Self.told), "the marker must have been in the answer: \(whole.body)")
            _ = try await plimsoll.chat(body(plimsoll, #","stream":true,"max_tokens":8"#))
        }

        /// What a tenant asks to be kept is sealed, and has no secrets in it.
        private func capture(_ plimsoll: Installation) async throws {
            let headers = ["Authorization": "Bearer \(plimsoll.key)"]
            let captures = plimsoll.url + "/v1/debug/captures"
            let made = try await HTTPCall.send("POST", captures, headers: headers, body: #"{"expires_in":600}"#)
            #expect(made.status == 201, "\(made.body)")
            let id = try #require(made.at("id"))
            try await Waiting.until("a captured request can be read", within: .seconds(60)) {
                let prompt = "\(Self.asked) \(Self.secret) \(Self.address) [[echo \(Self.told)]]"
                _ = try await plimsoll.chat(#"{"model":"\#(plimsoll.model)","max_tokens":8,"messages":[{"role":"user","content":"\#(prompt)"}]}"#)
                let read = try await HTTPCall.send("GET", captures + "/\(id)/records", headers: headers)
                guard read.status == 200, read.body.contains(Self.asked) else { return false }
                #expect(read.body.contains("<redacted github-pat>") && read.body.contains("<redacted email>"))
                #expect(!read.body.contains(Self.secret) && !read.body.contains(Self.address))
                return true
            }
        }

        /// The scanner must leave our own logs readable.
        private func countRedactions(_ plimsoll: Installation) throws {
            let logs = try plimsoll.filesOutsideTheDatabase().filter { $0.key.hasPrefix("logs/") }
            let lines = logs.values.flatMap { String(decoding: $0, as: UTF8.self).split(separator: "\n") }
            let redacted = lines.filter { $0.contains("<redacted ") }
            #expect(redacted.count * 100 <= lines.count, "\(redacted.count) of \(lines.count) lines, such as \(redacted.first?.prefix(300) ?? "")")
        }

        private func provoke(_ plimsoll: Installation) async throws {
            let faults = ["close_mid_stream", "garbage", "storm_503", "wrong_model", "inflated_usage", "drip"]
            for fault in faults {
                for provider in ["alpha", "beta"] {
                    try await plimsoll.orderFault(provider, #"{"fault":"\#(fault)","after":2,"count":4}"#)
                }
                for stream in ["true", "false"] {
                    _ = try await plimsoll.chat(body(plimsoll, #","max_tokens":6,"stream":\#(stream)"#))
                }
            }
            for provider in ["alpha", "beta"] { try await plimsoll.orderFault(provider, #"{"fault":"none"}"#) }
            let load = try plimsoll.load(customers: 10, maxTokens: 40, prompt: "\(Self.asked) [[echo \(Self.told)]]")
            try await load.waitForFirstTokens(10)
            let runtime = try await killed("runtime:alpha", of: plimsoll)
            try await plimsoll.restarted("runtime:alpha", from: runtime, within: .seconds(60))
            _ = try await load.finish()
        }

        /// After so many faults the policy may be about to restart it, too.
        private func killed(_ name: String, of plimsoll: Installation) async throws -> Int32 {
            var last: Int32 = 0
            try await Waiting.until("\(name) runs and is killed", within: .seconds(60)) {
                guard let pid = try? plimsoll.pid(name), kill(pid, SIGKILL) == 0 else { return false }
                last = pid
                return true
            }
            return last
        }

        private func mistake(_ plimsoll: Installation) async throws {
            let wrong = [
                #"{"model":"\#(Self.asked)","messages":[{"role":"user","content":"\#(Self.asked)"}]}"#,
                #"{"model":"\#(plimsoll.model)","messages":[{"role":"\#(Self.asked)","content":7}]}"#,
                #"{"model":"\#(plimsoll.model)","max_tokens":"\#(Self.asked)","messages":[]}"#,
                #"{"model":"\#(plimsoll.model)","\#(Self.asked)":1,"\#(Self.asked)":2}"#, #"{"\#(Self.asked)"#,
                body(plimsoll, #","max_tokens":100000000"#),
            ]
            for body in wrong {
                let answer = try await plimsoll.chat(body)
                #expect((400...499).contains(answer.status), "\(answer.body)")
            }
            for key in ["pls_live_zebra", "sk-\(Self.asked)"] { _ = try await plimsoll.chat(body(plimsoll), key: key) }
        }

        private func search(_ plimsoll: Installation, for markers: [String]) async throws {
            var sinks = try plimsoll.filesOutsideTheDatabase().filter { !["demo.env", "keys"].contains($0.key) }
            let dump = plimsoll.state + "/searched.sql"
            let child = try ChildProcess("/usr/bin/pg_dump", [plimsoll.environment["PLIMSOLL_DATABASE_URL"] ?? "", "-f", dump])
            #expect(try await child.ended(within: .seconds(30)) == 0)
            sinks["the database"] = FileManager.default.contents(atPath: dump)
            for port in [0, 102, 202, 212] {
                let page = try await HTTPCall.send("GET", "http://127.0.0.1:\(plimsoll.portBase + port)/metrics")
                #expect(page.status == 200, "metrics on \(port)")
                sinks["metrics of +\(port)"] = Data(page.body.utf8)
            }
            #expect(sinks.keys.contains { $0.hasPrefix("logs/") })
            for (name, data) in sinks {
                // Never the text around it: the test's own output must not become the leak.
                for marker in markers where data.range(of: Data(marker.utf8)) != nil {
                    Issue.record("\(name) holds the marker \(marker.prefix(16))")
                }
            }
        }
    }
}
