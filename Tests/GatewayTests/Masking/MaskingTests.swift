import NIOCore
import PlimsollWire
import Synchronization
import TestSupport
import Testing

@testable import Domain
@testable import Gateway

@Suite struct MaskingTests {
    private static let secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"

    private func ask(_ content: String, masking: String?, fields: String = "", _ script: String) async throws -> (seen: String, answer: String) {
        let seen = Mutex("")
        let runtime = try await ScriptedRuntime { _, request in
            seen.withLock { $0 = request }
            return [.send(script)]
        }
        var answer = ""
        try await GatewayFixture.run([runtime], GatewayFixture.Setup(edit: { $0.tenants["tenant-1"]?.masking = masking })) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(#"{"model":"m","messages":[{"role":"user","content":"\#(content)"}]\#(fields)}"#)
            answer = try await client.answer()
        }
        return (seen.withLock { $0 }, answer)
    }

    @Test func aHostSeesPlaceholdersAndTheCustomerItsOwnWords() async throws {
        let script = Answers.json(Samples.answer.replacing("hello", with: "wrote to [EMAIL_1] and [EMAIL_2], not [EMAIL_3]"))
        let (seen, answer) = try await ask(#"a\u0040example.org, b@example.org, a@example.org"#, masking: "personal", script)
        #expect(!seen.contains("example.org") && seen.contains("[EMAIL_1], [EMAIL_2], [EMAIL_1]"), "\(seen)")
        #expect(answer.contains("wrote to a@example.org and b@example.org, not [EMAIL_3]") && !answer.contains("x-plimsoll-warning"), "\(answer)")
    }

    /// The arguments of a call are JSON of their own.
    @Test func aHostSeesNothingThroughTheEscapesOfArguments() async throws {
        let (seen, answer) = try await ask(
            #"{\"to\":\"a\\u0040example.org\",\"cc\":\"b\\u0040example.org\"}"#, masking: "personal",
            Answers.json(Samples.answer.replacing("hello", with: "to [EMAIL_2]")))
        #expect(seen.contains(#"{\"to\":\"[EMAIL_1]\",\"cc\":\"[EMAIL_2]\"}"#), "\(seen)")
        #expect(answer.contains("to b@example.org"))
    }

    @Test func aPlaceholderThatComesInPiecesIsPutBack() async throws {
        let pieces = ["see ", "[", "EM", "AIL_", "1", "]", "!", " [E", "nd"].map(Samples.token).joined()
        let script = Answers.streamHead + Samples.role + pieces + Samples.stop + Samples.usage + Samples.done + Answers.streamEnd
        let (_, answer) = try await ask("a@example.org", masking: "all", fields: #","stream":true"#, script)
        let text = AnswerText(Array(answer.utf8)).text
        #expect(text == "see a@example.org! [End", "\(answer)")
    }

    @Test func whatIsHeldWhenAStreamEndsIsSent() async throws {
        let script = Answers.streamHead + Samples.token("x [EMAIL_") + Samples.stop + Samples.usage + Samples.done + Answers.streamEnd
        let (_, answer) = try await ask("a@example.org", masking: "all", fields: #","stream":true"#, script)
        #expect(AnswerText(Array(answer.utf8)).text == "x [EMAIL_", "\(answer)")
    }

    @Test(arguments: [("warn", true), ("secrets", false), ("all", false), (nil, true), ("personal", true)])
    func aSecretIsMaskedOrWarnedOf(masking: String?, isSeen: Bool) async throws {
        let (seen, answer) = try await ask("my key is \(Self.secret)", masking: masking, Answers.json(Samples.answer))
        #expect(seen.contains(Self.secret) == isSeen)
        let warns = masking != nil && masking != "personal"
        #expect(answer.contains("\r\nx-plimsoll-warning: prompt-holds-secret\r\n") == warns, "\(answer)")
    }

    @Test func aPlaceholderOfTheCustomersOwnIsNotTakenForOurs() async throws {
        let script = Answers.json(Samples.answer.replacing("hello", with: "[EMAIL_1] [EMAIL_2]"))
        let (seen, answer) = try await ask("[EMAIL_1] is a@example.org", masking: "all", script)
        #expect(seen.contains("[EMAIL_1] is [EMAIL_2]") && answer.contains("[EMAIL_1] a@example.org"))
    }

    @Test func aKeyMayHaveAnotherSettingThanItsTenant() throws {
        let tenant = TenantEntry(id: "t", tier: "pro", active: true, allowedRegions: [], cacheSalt: "", masking: "all")
        #expect(CustomerKey.masking(KeyEntry(id: "k", tenant: "t", sha256Hex: ""), tenant)?.scope == .all)
        #expect(CustomerKey.masking(KeyEntry(id: "k", tenant: "t", sha256Hex: "", masking: "none"), tenant) == nil)
        #expect(CustomerKey.masking(KeyEntry(id: "k", tenant: "t", sha256Hex: "", masking: "warn"), tenant)?.replaces == false)
    }

    private static let rules = [
        RuleEntry(id: "r1", kind: .literal, pattern: "evil.example"), RuleEntry(id: "r2", kind: .expression, pattern: "ghp_[A-Za-z0-9]{36}"),
    ]

    private func judged(_ path: String, _ body: String, _ rules: [RuleEntry]) async throws -> APICall {
        let setup = GatewayFixture.Setup(edit: { table in
            table.rules = rules
            table.tenants["tenant-1"]?.masking = "all"
        })
        return try await APICall.make(path, body, reply: Answers.json(Samples.answer), setup: setup)
    }

    /// What a tenant has masked must not pass what an operator refuses.
    @Test(arguments: ["mail a@evil.example", "key \(secret)", #"mail a\u0040evil.example"#]) func rulesSeeATextAsItCame(text: String) async throws {
        let requests = [
            ("/v1/chat/completions", #""messages":[{"role":"user","content":"\#(text)"}]"#),
            ("/v1/messages", #""max_tokens":9,"messages":[{"role":"user","content":"\#(text)"}]"#), ("/v1/responses", #""input":"\#(text)""#),
        ]
        for (path, members) in requests {
            let body = #"{"model":"m",\#(members)}"#
            let call = try await judged(path, body, Self.rules)
            #expect(call.status == "400" && call.asked.isEmpty, "\(call.answer)")
            let passed = try await judged(path, body.replacing("evil", with: "good").replacing(Self.secret, with: "none"), Self.rules)
            #expect(passed.status == "200" && !passed.sent.contains("good.example"), "\(passed.sent)")
        }
    }

    @Test func whatOnlyFlagsLetsTheMaskedTextPass() async throws {
        let flag = RuleEntry(id: "r1", kind: .literal, pattern: "evil.example", action: .flag)
        let setup = GatewayFixture.Setup(edit: { table in
            table.rules = [flag, RuleEntry(id: "r2", kind: .literal, pattern: "email_")]
            table.tenants["tenant-1"]?.masking = "all"
        })
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(#"{"model":"m","user":"b@evil.example","messages":[{"role":"user","content":"a@evil.example"}]}"#)
            #expect(try await client.answer().hasPrefix("HTTP/1.1 200 "), "a placeholder is no text of the customer's")
            #expect(await gateway.server.takeAbuse().hits == [AbuseReport.RuleHit(rule: "r1", tenant: "tenant-1", count: 1)])
        }
        #expect(runtime.seen.requests.first?.contains("[EMAIL_2]") == true && runtime.seen.requests.first?.contains("evil") == false)
    }

    /// What goes to no host is nobody's business.
    @Test func rulesDoNotSeeWhatIsTakenOutBeforeItIsMasked() async throws {
        let body = #"{"model":"m","user":"b@evil.example","messages":[{"role":"user","content":"a@example.org"}]}"#
        #expect(try await judged("/v1/chat/completions", body, Self.rules).status == "200")
    }
}
