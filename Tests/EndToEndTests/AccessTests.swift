import Foundation
import TestSupport
import Testing

extension MachineTests {
    @Suite struct AccessTests {
        @Test(.timeLimit(.minutes(3))) func revokedKeyIsRefusedWithinASecond() async throws {
            try await Installation.with { plimsoll in
                let made = try await plimsoll.makeKey("to be revoked")
                let body = #"{"model":"\#(plimsoll.model)","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}"#
                try await Waiting.until("the key is known", within: .seconds(5)) { try await plimsoll.chat(body, key: made.key).status == 200 }
                try await Waiting.until("the operator sees from where it is used", within: .seconds(20)) {
                    try await plimsoll.admin("GET", "/key-uses?key=\(made.id)").body.contains(#""address" : "127.0.0.1""#)
                }
                let unknown = try await plimsoll.chat(body, key: "pls_live_nobody")
                let revoked = try await plimsoll.admin("POST", "/keys/\(made.id)/revoke", "{}")
                #expect((200...204).contains(revoked.status), "\(revoked.body)")
                let began = ContinuousClock.now
                try await Waiting.until("the key is refused", within: .seconds(5)) { try await plimsoll.chat(body, key: made.key).status == 401 }
                #expect(ContinuousClock.now - began < .seconds(1))
                #expect(try await plimsoll.chat(body, key: made.key).body == unknown.body)
            }
        }

        /// T1: by every gateway, not by the one that is asked.
        @Test(.timeLimit(.minutes(4))) func fourGatewaysRefuseARevokedKeyWithinASecond() async throws {
            try await Installation.with { plimsoll in
                var added: [AddedGateway] = []
                defer { for gateway in added { gateway.child.signal(SIGKILL) } }
                for number in 1...3 { added.append(try await plimsoll.addGateway(number)) }
                let urls = [plimsoll.url] + added.map(\.url)
                let made = try await plimsoll.makeKey("to be revoked everywhere")
                let rotated = try await plimsoll.admin("POST", "/keys/\(made.id)/rotate", #"{"overlap_seconds":3600}"#)
                let secrets = [made.key, try #require(rotated.at("secret"), "\(rotated.body)")]
                for url in urls {
                    try await Waiting.until("both secrets are known", within: .seconds(10)) {
                        try await Self.statuses(plimsoll, url, secrets) == [200, 200]
                    }
                }
                let revoked = try await plimsoll.admin("POST", "/keys/\(made.id)/revoke", "{}")
                #expect((200...204).contains(revoked.status), "\(revoked.body)")
                let began = ContinuousClock.now
                for url in urls {
                    try await Waiting.until("both secrets are refused", within: .seconds(5)) {
                        try await Self.statuses(plimsoll, url, secrets) == [401, 401]
                    }
                }
                #expect(ContinuousClock.now - began < .seconds(1))
            }
        }

        private static func statuses(_ plimsoll: Installation, _ url: String, _ secrets: [String]) async throws -> [Int] {
            let body = #"{"model":"\#(plimsoll.model)","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}"#
            var statuses: [Int] = []
            for secret in secrets {
                let call = try await HTTPCall.send("POST", url + "/v1/chat/completions", headers: ["Authorization": "Bearer " + secret], body: body)
                statuses.append(call.status)
            }
            return statuses
        }

        @Test(.timeLimit(.minutes(3))) func enrolmentTokenServesOnceAndOnlyWhileItLives() async throws {
            try await Installation.with { plimsoll in
                let token = try await enrolmentToken(plimsoll)
                let first = try await enrol(plimsoll, token)
                #expect(first.status == 200 || first.status == 201, "\(first.body)")
                let again = try await enrol(plimsoll, token)
                #expect(again.status == 401 || again.status == 403, "\(again.body)")
                #expect(again.body.contains("used"), "\(again.body)")
                let forged = try await enrol(plimsoll, Self.forged(token))
                #expect(forged.status == 401 || forged.status == 403, "\(forged.body)")
                let late = try await enrolmentToken(plimsoll)
                let id = late.split(separator: ".")[1]
                _ = try await plimsoll.rows(
                    "UPDATE serving.enrolment_tokens SET created_at = now() - interval '2 hours', expires_at = now() - interval '1 hour' "
                        + "WHERE replace(id::text, '-', '') = '\(id)'")
                let expired = try await enrol(plimsoll, late)
                #expect(expired.status == 401 || expired.status == 403, "\(expired.body)")
                #expect(expired.body.contains("expired"), "\(expired.body)")
            }
        }

        /// The same id with another secret.
        private static func forged(_ token: String) -> String {
            var parts = token.split(separator: ".").map(String.init)
            // The last character carries two bits that must be zero: it stays.
            parts[2] = String(parts[2].dropLast().reversed()) + parts[2].suffix(1)
            return parts.joined(separator: ".")
        }

        private func enrolmentToken(_ plimsoll: Installation) async throws -> String {
            let pool = try #require(try await plimsoll.rows("SELECT name FROM serving.pools ORDER BY created_at LIMIT 1").first)
            let made = try await plimsoll.admin("POST", "/enrolment-tokens", #"{"role":"agent","pool":"\#(pool)"}"#)
            return try #require(made.at("token"), "\(made.status) \(made.body)")
        }

        private func enrol(_ plimsoll: Installation, _ token: String) async throws -> HTTPCall {
            let request = try await CertificateRequestFile.make(in: plimsoll.state).replacing("\n", with: "\\n")
            return try await HTTPCall.send(
                "POST", "https://127.0.0.1:\(plimsoll.portBase + 1)/agent/v1/enrol",
                body: #"{"token":"\#(token)","certificate_request_pem":"\#(request)","hostname":"probe","version":"0.1.0","boot_id":"boot"}"#)
        }
    }
}
