import Domain
import FoundationEssentials
import PlimsollWire
import Telemetry
import TestSupport
import Testing

@testable import Gateway

@Suite("Mitigations, as customers meet them")
struct MitigationTests {
    private func later(_ seconds: Int64 = 600) -> Int64 { Int64(Date().timeIntervalSince1970) + seconds }

    private func setup(_ entry: MitigationEntry, _ edit: @escaping @Sendable (inout TableContents) -> Void = { _ in }) -> GatewayFixture.Setup {
        var setup = GatewayFixture.Setup()
        setup.edit = { table in
            table.mitigations = [entry]
            edit(&table)
        }
        return setup
    }

    private func answering() async throws -> ScriptedRuntime { try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] } }

    private func answer(_ gateway: GatewayFixture, _ body: String = Samples.request) async throws -> String {
        let client = try await TestClient(port: gateway.port)
        try await client.post(body)
        return try await client.answer()
    }

    @Test("a provider that is drained gets nothing")
    func drainsProvider() async throws {
        let runtimes = [try await answering(), try await answering()]
        let entry = MitigationEntry(id: "x", action: "drain_provider", provider: "provider-0", expiresAtSeconds: later())
        try await GatewayFixture.run(runtimes, setup(entry)) { gateway in
            for _ in 0..<20 {
                let status = try await answer(gateway).prefix(12)
                #expect(status == "HTTP/1.1 200")
            }
            #expect(runtimes[0].seen.requests.isEmpty && runtimes[1].seen.requests.count == 20)
            #expect(gateway.metric("plimsoll_gateway_mitigations") == "1.0" || gateway.metric("plimsoll_gateway_mitigations") == "1")
        }
    }

    @Test("a mitigation ends in time without another table")
    func endsByItself() async throws {
        let runtimes = [try await answering(), try await answering()]
        let entry = MitigationEntry(id: "x", action: "drain_provider", provider: "provider-0", expiresAtSeconds: later(3))
        try await GatewayFixture.run(runtimes, setup(entry)) { gateway in
            try await until {
                // Another conversation each time: one that is known stays where it was.
                let body = #"{"model":"m","messages":[{"role":"user","content":"\#(UUID())"}]}"#
                _ = try await answer(gateway, body)
                return !runtimes[0].seen.requests.isEmpty
            }
        }
    }

    @Test("answers are capped, whether the client asked for more or for nothing")
    func capsOutput() async throws {
        let runtime = try await answering()
        let entry = MitigationEntry(id: "x", action: "cap_output", tier: "pro", model: "m", value: 17, expiresAtSeconds: later())
        try await GatewayFixture.run([runtime], setup(entry)) { gateway in
            let asked = #"{"model":"m","max_tokens":50,"messages":[{"role":"user","content":"hi"}]}"#
            let less = #"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}"#
            for body in [Samples.request, asked, less] {
                let status = try await answer(gateway, body).prefix(12)
                #expect(status == "HTTP/1.1 200")
            }
            let sent = runtime.seen.requests
            #expect(sent[0].contains(#""max_tokens":17"#) && sent[1].contains(#""max_tokens":17"#) && sent[2].contains(#""max_tokens":5"#))
            #expect(gateway.metrics.prometheusText().contains(#"plimsoll_gateway_mitigated_requests_total{action="cap_output"} 2"#))
        }
    }

    @Test("long prompts are asked to come later, short ones are served")
    func pausesLongPrompts() async throws {
        let runtime = try await answering()
        let entry = MitigationEntry(id: "x", action: "pause_long_prompts", value: 100, expiresAtSeconds: later())
        try await GatewayFixture.run([runtime], setup(entry)) { gateway in
            let long = #"{"model":"m","messages":[{"role":"user","content":"\#(String(repeating: "word ", count: 300))"}]}"#
            let refused = try await answer(gateway, long)
            #expect(refused.hasPrefix("HTTP/1.1 429") && refused.contains("over_capacity") && refused.contains("retry-after: "))
            let status = try await answer(gateway).prefix(12)
            #expect(status == "HTTP/1.1 200")
        }
        #expect(runtime.seen.requests.count == 1)
    }

    @Test("a tier that is shed is told so, at gateways of the region only", arguments: [nil, "default", "elsewhere"])
    func shedsTier(region: String?) async throws {
        let runtime = try await answering()
        let entry = MitigationEntry(id: "x", action: "shed_tier", tier: "pro", region: region, expiresAtSeconds: later())
        try await GatewayFixture.run([runtime], setup(entry)) { gateway in
            let told = try await answer(gateway)
            #expect(told.hasPrefix(region == "elsewhere" ? "HTTP/1.1 200" : "HTTP/1.1 429"))
            guard region != "elsewhere" else { return }
            #expect(told.contains("retry-after: ") && told.contains("paused for a while") && !told.contains("x-should-retry"))
            #expect(gateway.metrics.prometheusText().contains(#"plimsoll_gateway_mitigated_requests_total{action="shed_tier"} 1"#))
        }
    }

    @Test("a smaller model answers in place of another, and the customer sees which one")
    func fallsBack() async throws {
        let runtimes = [try await answering(), try await answering()]
        let entry = MitigationEntry(id: "x", action: "fallback_model", tier: "pro", model: "m", toModel: "other", expiresAtSeconds: later())
        let records = try await GatewayFixture.run(runtimes, setup(entry) { $0.workers[1].model = "other" }) { gateway in
            let told = try await answer(gateway)
            #expect(told.hasPrefix("HTTP/1.1 200") && told.contains("x-plimsoll-served-model: other\r\n"))
            #expect(runtimes[0].seen.requests.isEmpty && runtimes[1].seen.requests[0].contains(#""model":"other""#))
        }
        #expect(records.map(\.model) == ["other"])
    }

    @Test("a fallback without workers is none")
    func fallsBackToNobody() async throws {
        let entry = MitigationEntry(id: "x", action: "fallback_model", tier: "pro", model: "m", toModel: "other", expiresAtSeconds: later())
        try await GatewayFixture.run([try await answering()], setup(entry)) { gateway in
            let told = try await answer(gateway)
            #expect(told.hasPrefix("HTTP/1.1 200") && !told.contains("x-plimsoll-served-model"))
        }
    }

    @Test("a tenant that is throttled reaches its limit sooner")
    func throttles() async throws {
        let entry = MitigationEntry(id: "x", action: "throttle_tenant", tenant: "tenant-1", value: 2_000, expiresAtSeconds: later())
        try await GatewayFixture.run([try await answering()], setup(entry)) { gateway in
            var statuses: [String] = []
            for _ in 0..<4 { statuses.append(String(try await answer(gateway).prefix(12))) }
            #expect(statuses.last == "HTTP/1.1 429", "\(statuses)")
            let refused = statuses.count { $0 == "HTTP/1.1 429" }
            let cells = try await gateway.spool.takeMinutes().values
            #expect(cells.reduce(0) { $0 + $1.outcomes[Outcome.throttled.place] } == Int64(refused), "they are inside what was agreed")
            #expect(cells.reduce(0) { $0 + $1.outcomes[Outcome.quota.place] } == 0)
        }
    }

    @Test("an entry of an action that a later release brings does not make a table refused")
    func laterAction() throws {
        let entry = MitigationEntry(id: "x", action: "of_a_later_release", expiresAtSeconds: 1)
        let value = try TableValue(key: "mitigation/x", text: String(decoding: try WireCoder.encode(entry), as: UTF8.self))
        var contents = TableContents(version: 1, issuedAtSeconds: 0)
        value.add(to: &contents)
        #expect(contents.mitigations == [entry])
    }
}
