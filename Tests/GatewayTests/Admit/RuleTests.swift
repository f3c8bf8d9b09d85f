import PlimsollWire
import Telemetry
import TestSupport
import Testing

@testable import Gateway

@Suite struct RuleTests {
    private static func setup(_ rules: [RuleEntry]) -> GatewayFixture.Setup {
        GatewayFixture.Setup(edit: { $0.rules = rules })
    }

    private func ask(_ content: String, _ rules: [RuleEntry]) async throws -> (answer: String, metrics: String) {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        var (answer, metrics) = ("", "")
        try await GatewayFixture.run([runtime], Self.setup(rules)) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(#"{"model":"m","messages":[{"role":"user","content":"\#(content)"}]}"#)
            answer = try await client.answer()
            metrics = gateway.metrics.prometheusText()
        }
        return (answer, metrics)
    }

    @Test(arguments: [#"say FORBIDDEN word"#, #"say forb\u0069dden word"#, #"say \u0046orbidden\u0020word"#])
    func aPromptThatARuleRefusesIsRefusedHoweverItIsWritten(content: String) async throws {
        let (answer, metrics) = try await ask(content, [RuleEntry(id: "r1", kind: .expression, pattern: #"forbidden\s+word"#)])
        #expect(answer.hasPrefix("HTTP/1.1 400 ") && answer.contains(#""code":"content_policy_violation""#))
        #expect(!answer.lowercased().contains("forbidden"), "what was met is not told")
        #expect(metrics.contains("plimsoll_gateway_prompts_refused_total 1"))
    }

    /// Templates put these together, and write names of tools, roles and types as they are.
    @Test(arguments: [
        #""messages":[{"role":"user","content":[{"type":"text","text":"forbid"},{"type":"text","text":"den word"}]}]"#,
        #""messages":[{"role":"forbidden word","content":"x"}]"#,
        #""messages":[{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"q\":\"\\u0066orbidden word\"}"}}]}]"#,
        #""messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"forbidden word":{}}}}]"#,
    ])
    func whatATemplatePutsTogetherIsRefused(members: String) async throws {
        let setup = Self.setup([RuleEntry(id: "r1", kind: .literal, pattern: "forbidden word")])
        let call = try await APICall.make("/v1/chat/completions", #"{"model":"m",\#(members)}"#, reply: Answers.json(Samples.answer), setup: setup)
        #expect(call.status == "400" && call.asked.isEmpty)
    }

    @Test(arguments: [
        "Cafe\u{301} noir", "ＣＡＦＥ\u{301}　ｎｏｉｒ", "caf\u{E9}\u{A0}noir", "c\u{200B}af\u{E9} noir", "caf\u{E9} no\u{AD}ir", "caf\u{E9} n\u{2060}oir",
        "ca\u{FEFF}fe\u{200D}\u{301} noir",
        "𝐜𝐚𝐟e\u{301} 𝗻𝗼𝗶𝗿", "ⓒⓐⓕ\u{E9}\u{2003}ⓝⓞⓘⓡ", "caf\u{E9} n\u{202E}o\u{202C}ir", "ᶜᵃᶠ\u{E9} ⁿᵒⁱʳ", "caf\u{E9} noi\u{E0072}r",
    ])
    func aLiteralIsFoundInWhatReadsLikeIt(content: String) async throws {
        for pattern in ["café noir", "ｃａｆe\u{301} noir"] {
            let (answer, _) = try await ask(content, [RuleEntry(id: "r1", kind: .literal, pattern: pattern)])
            #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(content) \(pattern)")
        }
    }

    /// Letters without their marks, look-alikes of another script, and what an expression asks for by the letter.
    @Test(arguments: [
        ("cafe noir", RuleEntry(id: "r", kind: .literal, pattern: "café noir")),
        ("с\u{430}fé noir", RuleEntry(id: "r", kind: .literal, pattern: "café noir")),
        ("ＡＢＣ", RuleEntry(id: "r", kind: .expression, pattern: "abc")),
        ("ＡＢＣ", RuleEntry(id: "r", kind: .literal, pattern: "abc", caseSensitive: true)),
        ("a\u{200B}b", RuleEntry(id: "r", kind: .literal, pattern: "\u{200B}\u{200B}")),
    ])
    func whatReadsOtherwisePasses(content: String, rule: RuleEntry) async throws {
        #expect(try await ask(content, [rule]).answer.hasPrefix("HTTP/1.1 200 "))
    }

    @Test func anASCIITextMeetsALiteralThatIsWrittenInAnotherShape() async throws {
        #expect(try await ask("abc", [RuleEntry(id: "r", kind: .literal, pattern: "ａｂｃ")]).answer.hasPrefix("HTTP/1.1 400 "))
    }

    /// Numbers of tokens cannot be held against a text.
    @Test(arguments: [(RuleEntry.Action.refuse, "400"), (.flag, "200")])
    func aPromptOfTokensPassesNoRuleThatRefuses(action: RuleEntry.Action, status: String) async throws {
        let reply = #"{"object":"text_completion","model":"m","choices":[{"index":0,"text":"a","finish_reason":"stop"}]}"#
        let setup = Self.setup([RuleEntry(id: "r1", kind: .literal, pattern: "bad", action: action)])
        for prompt in ["[1,2,3]", #"["good",[1,2]]"#] {
            let call = try await APICall.make("/v1/completions", #"{"model":"m","prompt":\#(prompt)}"#, reply: Answers.json(reply), setup: setup)
            #expect(call.status == status && call.asked.isEmpty == (action == .refuse))
        }
        let text = try await APICall.make("/v1/completions", #"{"model":"m","prompt":"good"}"#, reply: Answers.json(reply), setup: setup)
        #expect(text.status == "200")
    }

    @Test func aRuleMayHaveWordsForCustomers() async throws {
        let (answer, _) = try await ask("bad", [RuleEntry(id: "r1", tenant: "tenant-1", kind: .literal, pattern: "bad", message: "Ask us first.")])
        #expect(answer.contains(#""message":"Ask us first.""#))
    }

    @Test(arguments: [
        RuleEntry(id: "r", kind: .literal, pattern: "nothing like it"), RuleEntry(id: "r", tenant: "tenant-2", kind: .literal, pattern: "hello"),
        RuleEntry(id: "r", kind: .literal, pattern: "hello", action: .flag),
        RuleEntry(id: "r", kind: .literal, pattern: "Hello", caseSensitive: true),
        RuleEntry(id: "r", kind: .literal, pattern: "user"), RuleEntry(id: "r", kind: .address, pattern: "203.0.113.0/24"),
    ])
    func otherPromptsPass(rule: RuleEntry) async throws {
        #expect(try await ask("hello", [rule]).answer.hasPrefix("HTTP/1.1 200 "))
    }

    @Test func whatIsMetIsCountedByRuleAndTenant() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        let rules = [RuleEntry(id: "r1", kind: .literal, pattern: "hi", action: .flag), RuleEntry(id: "r2", kind: .literal, pattern: "ho")]
        try await GatewayFixture.run([runtime], Self.setup(rules)) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.request)
            _ = try await client.answer()
            let report = await gateway.server.takeAbuse()
            #expect(report.hits == [AbuseReport.RuleHit(rule: "r1", tenant: "tenant-1", count: 1)])
            #expect(await gateway.server.takeAbuse().isEmpty)
        }
    }

    @Test func rulesThatStayTheSameAreCompiledOnce() {
        var compiler = RuleCompiler()
        let rules = [RuleEntry(id: "a", kind: .literal, pattern: "x"), RuleEntry(id: "b", tenant: "t", kind: .expression, pattern: "y+")]
        let (first, second) = (compiler.compile(rules), compiler.compile(rules.reversed()))
        #expect(first.common === second.common && first.own["t"] === second.own["t"])
        #expect(compiler.compile([rules[1]]).common == nil)
    }
}
