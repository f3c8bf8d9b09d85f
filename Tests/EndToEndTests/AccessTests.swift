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
