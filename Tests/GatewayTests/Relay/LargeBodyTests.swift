import Foundation
import NIOCore
import NIOPosix
import OpenAIWire
import PlimsollWire
import TestSupport
import Testing

@testable import Domain
@testable import Gateway

/// Bodies that are read on another thread, with all that is looked for in them.
@Suite struct LargeBodyTests {
    private static let rule = RuleEntry(id: "r", kind: .expression, pattern: #"forbid+en\s+(word|thing)"#)

    private func body(_ content: String, bytes: Int = 0, _ more: String = "") -> String {
        let padding = String(repeating: #"a line of text with \"quotes\", numbers 123 and names\n"#, count: bytes / 50)
        return #"{"model":"m",\#(more)"messages":[{"role":"user","content":"\#(padding)\#(content)"}]}"#
    }

    private func findings(_ text: String, rules: [RuleEntry] = [], masking: String? = nil) throws -> (LargeBody.Findings, String) {
        var table = TableContents(version: 1, issuedAtSeconds: 1)
        table.rules = rules
        var compiler = RuleCompiler()
        let sets = compiler.compile(rules).sets(for: "t")
        let tenant = TenantEntry(id: "t", tier: "pro", active: true, allowedRegions: [], cacheSalt: "", masking: masking)
        let checks = PromptChecks(tenant: "t", masking: Masking(tenant.masking), rules: CustomerRules(sets))
        let large = LargeBody(ByteBuffer(string: text))
        return (large.read(.chatCompletions, checks, ReaderDesks()), String(buffer: large.take()))
    }

    @Test func theReadingThreadHoldsItAgainstRules() throws {
        let (refused, _) = try findings(body(#"forbidd\u0065n word"#), rules: [Self.rule])
        #expect(refused.judgement?.verdict == .refused(message: nil))
        #expect(refused.judgement?.hits == [RuleDesk.Hit(rule: "r", tenant: "t"): 1])
        #expect(try findings(body("allowed word"), rules: [Self.rule]).0.judgement?.verdict == .admitted)
        #expect(try findings(body("forbidden word")).0.judgement == nil)
    }

    @Test func theReadingThreadHoldsItAgainstRulesAsItCame() throws {
        let more = #""user":"b@evil.example","#
        let rule = RuleEntry(id: "r", kind: .literal, pattern: "evil.example")
        let (refused, text) = try findings(body("mail a@evil.example", more), rules: [rule], masking: "personal")
        #expect(refused.judgement?.verdict == .refused(message: nil) && refused.judgement?.hits.count == 1)
        #expect(text.contains("mail [EMAIL_") && refused.mask != nil)
        #expect(try findings(body("mail a@example.org", more), rules: [rule], masking: "personal").0.judgement?.verdict == .admitted)
    }

    /// As with a short body: what goes to no host is not looked at.
    @Test func membersThatAreTakenOutAreNotHeldAgainstRules() throws {
        let more = #""user":"forbidden word","metadata":{"a":"forbidden thing"},"session_id":"forbidden word","#
        #expect(try findings(body("fine", more), rules: [Self.rule]).0.judgement?.verdict == .admitted)
        #expect(try findings(body("forbidden thing", more), rules: [Self.rule]).0.judgement?.verdict == .refused(message: nil))
    }

    @Test func theReadingThreadMasks() throws {
        let (found, text) = try findings(body("write to a@example.org"), masking: "personal")
        #expect(text.contains("write to [EMAIL_1]") && found.mask?.book.isEmpty == false && found.mask?.holdsSecret == false)
        #expect(try found.reading.get().facts.model == "m")
        #expect(try findings(body("nobody"), masking: "all").0.mask == nil)
    }

    /// A rule is refused, placeholders are put back, and hits counted as with a short body.
    @Test func aLargePromptIsMaskedAndJudgedAsAShortOneIs() async throws {
        let runtime = try await ScriptedRuntime { _, request in
            let isMasked = request.contains("[EMAIL_1]") && !request.contains("example.org")
            return [.send(Answers.json(Samples.answer.replacing("hello", with: isMasked ? "to [EMAIL_1]" : "seen")))]
        }
        try await GatewayFixture.run([runtime], setup()) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(body("a@example.org", bytes: 300_000))
            #expect(try await client.answer().contains("to a@example.org"))
            client.clear()
            try await client.post(body("forbidden word", bytes: 300_000))
            #expect(try await client.answer().contains("content_policy_violation"))
            #expect(gateway.metric("plimsoll_gateway_bodies_read_aside_total") == "2")
            #expect(gateway.metric("plimsoll_gateway_prompts_masked_total") == "1")
            #expect(await gateway.server.takeAbuse().hits == [AbuseReport.RuleHit(rule: "r", tenant: "tenant-1", count: 1)])
        }
    }

    private func setup() -> GatewayFixture.Setup {
        var setup = GatewayFixture.Setup(edit: { table in
            table.rules = [Self.rule]
            table.tenants["tenant-1"]?.masking = "all"
        })
        setup.tier.maxBodyBytes = 8 << 20
        setup.tier.maxPromptTokens = 10_000_000
        setup.tier.tokensPerMinute = 1_000_000_000
        return setup
    }

    @Test func whatMayBeMaskedIsReadAsideFromAShorterLengthOn() async throws {
        let runtime = try await ScriptedRuntime { _, request in
            let isMasked = request.contains("[EMAIL_1]") && !request.contains("example.org")
            return [.send(Answers.json(Samples.answer.replacing("hello", with: isMasked ? "to [EMAIL_1]" : "seen")))]
        }
        try await GatewayFixture.run([runtime], setup()) { gateway in
            let client = try await TestClient(port: gateway.port)
            for (bytes, aside) in [(8_000, "0"), (20_000, "1"), (60_000, "2")] {
                client.clear()
                try await client.post(body("a@example.org", bytes: bytes))
                #expect(try await client.answer().contains("to a@example.org"))
                #expect(gateway.metric("plimsoll_gateway_bodies_read_aside_total") == aside)
            }
            #expect(gateway.metric("plimsoll_gateway_prompts_masked_total") == "3")
        }
        var plain = setup()
        plain.edit = { $0.rules = [Self.rule] }
        try await GatewayFixture.run([], plain) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(body("forbidden word", bytes: 60_000))
            #expect(try await client.answer().contains("content_policy_violation"))
            #expect(gateway.metric("plimsoll_gateway_bodies_read_aside_total") == "0")
        }
    }

    /// On the loop, everybody would wait with it.
    @Test(arguments: [20_000, 300_000]) func othersAreAnsweredWhileALargePromptWaitsForItsThread(_ bytes: Int) async throws {
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        let gate = Pipe()
        // Its one thread is busy until the gate opens.
        threads.submit { _ in _ = gate.fileHandleForReading.availableData }
        var setup = setup()
        setup.readers = ReaderDesks(threads: threads)
        try await GatewayFixture.run([], setup) { gateway in
            let (large, small) = (try await TestClient(port: gateway.port), try await TestClient(port: gateway.port))
            try await large.post(body("forbidden word", bytes: bytes))
            try await until { gateway.metric("plimsoll_gateway_bodies_read_aside_total") == "1" }
            try await small.send("GET /v1/models/m HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\n\r\n")
            #expect(try await small.answer().hasPrefix("HTTP/1.1 200 "))
            #expect(large.received.isEmpty)
            try gate.fileHandleForWriting.write(contentsOf: [1])
            #expect(try await large.answer().contains("content_policy_violation"))
        }
        try await threads.shutdownGracefully()
    }
}
