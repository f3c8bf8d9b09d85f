import FoundationEssentials
import NIOCore
import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

@Suite("Answers under a fallback, scored") struct FallbackScoreTests {
    private static var later: Int64 { Int64(Date().timeIntervalSince1970) + 600 }
    private static let smaller = MitigationEntry(
        id: "x", action: "fallback_model", tier: "pro", model: "m", toModel: "other", expiresAtSeconds: later)

    private func setup(
        _ desk: ScoreDesk, _ entries: [MitigationEntry], percent: Int = 100, _ edit: @escaping @Sendable (inout TableContents) -> Void
    ) -> GatewayFixture.Setup {
        var setup = GatewayFixture.Setup()
        setup.scores = desk
        setup.settings.fallbackScorePercent = percent
        setup.edit = { table in
            table.mitigations = entries
            edit(&table)
        }
        return setup
    }

    /// Asks once of a runtime that answers like this, and returns what was scored when all is over.
    private func scored(
        _ script: [ScriptedRuntime.Step], _ entries: [MitigationEntry], percent: Int = 100, body: String = Samples.request,
        path: String = "/v1/chat/completions", _ edit: @escaping @Sendable (inout TableContents) -> Void = { _ in }
    ) async throws -> [FallbackScore] {
        let desk = ScoreDesk()
        let runtime = try await ScriptedRuntime { _, _ in script }
        try await GatewayFixture.run([runtime], setup(desk, entries, percent: percent, edit)) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(body, path: path)
            #expect(try await client.answer().hasPrefix("HTTP/1.1 200"))
        }
        await desk.judge()
        return desk.take(10)
    }

    @Test(
        "an answer of the smaller model counts for its mitigation, whatever API it was asked by",
        arguments: [
            ("/v1/chat/completions", Samples.request), ("/v1/responses", #"{"model":"m","input":"hi"}"#),
            ("/v1/messages", #"{"model":"m","max_tokens":50,"messages":[{"role":"user","content":"hi"}]}"#),
        ])
    func smallerModel(path: String, body: String) async throws {
        let found = try await scored([.send(Answers.json(Samples.answer))], [Self.smaller], body: body, path: path) { $0.workers[0].model = "other" }
        let hour = Int64(Date().timeIntervalSince1970) / 3_600
        let score = try #require(found.first)
        #expect(found.count == 1 && abs(score.hour - hour) <= 1)
        #expect(
            score
                == FallbackScore(
                    mitigation: "x", model: "other", tier: "pro", region: "default", hour: score.hour, answers: 1, scorePpm: 1_000_000))
    }

    @Test("an answer that is not what was asked for says so") func notAsAsked() async throws {
        let body = #"{"model":"m","response_format":{"type":"json_object"},"messages":[{"role":"user","content":"hi"}]}"#
        let found = try await scored([.send(Answers.json(Samples.answer))], [Self.smaller], body: body) { $0.workers[0].model = "other" }
        #expect(found.map(\.failures) == [["not_json": 1]] && found.map(\.scorePpm) == [200_000])
    }

    @Test("a stream from the backup region counts, and one from home does not") func backupRegion() async throws {
        let entry = MitigationEntry(id: "y", action: "backup_region", tier: "pro", model: "m", toRegion: "far", expiresAtSeconds: Self.later)
        let whole = try await scored([.send(Samples.wholeStream)], [entry], body: Samples.stream) { $0.workers[0].region = "far" }
        #expect(whole.map(\.mitigation) == ["y"] && whole.map(\.failures) == [[:]] && whole.map(\.scorePpm) == [1_000_000])
        let near = try await scored([.send(Samples.wholeStream)], [entry], body: Samples.stream)
        #expect(near.isEmpty)
    }

    @Test("a stream that broke in its middle is cut off") func brokenStream() async throws {
        let (desk, goesOn) = (ScoreDesk(), ScriptedRuntime.promise())
        let runtime = try await ScriptedRuntime { _, _ in
            [.send(Answers.streamHead + Samples.role + Samples.token("a")), .after(goesOn.futureResult), .close]
        }
        try await GatewayFixture.run([runtime], setup(desk, [Self.smaller]) { $0.workers[0].model = "other" }) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            try await client.receive { $0.contains(#""content":"a""#) }
            goesOn.succeed()
            #expect(try await client.answer().contains("stream_interrupted"))
        }
        await desk.judge()
        #expect(desk.take(10).map(\.failures) == [["cut_off": 1]])
    }

    @Test("an answer of a pool that was called in counts, and one of a pool that serves in any case does not") func calledInPool() async throws {
        let entry = MitigationEntry(id: "z", action: "warm_pool", pool: "p", expiresAtSeconds: Self.later)
        let called = try await scored([.send(Answers.json(Samples.answer))], [entry]) { table in
            table.workers[0].weight = 0
            table.workers[0].standbyWeight = 1_000_000
        }
        #expect(called.map(\.mitigation) == ["z"])
        #expect(try await scored([.send(Answers.json(Samples.answer))], [entry]).isEmpty)
    }

    @Test("nothing is scored without a fallback, of another tier's, of probes, or where the setting is 0") func notScored() async throws {
        let answer: [ScriptedRuntime.Step] = [.send(Answers.json(Samples.answer))]
        let cap = MitigationEntry(id: "x", action: "cap_output", tier: "pro", value: 50, expiresAtSeconds: Self.later)
        let others = MitigationEntry(
            id: "x", action: "backup_region", tier: "hobby", model: "m", toRegion: "far", expiresAtSeconds: Self.later)
        #expect(try await scored(answer, []).isEmpty)
        #expect(try await scored(answer, [cap]).isEmpty)
        #expect(try await scored(answer, [others]) { $0.workers[0].region = "far" }.isEmpty)
        #expect(try await scored(answer, [Self.smaller], percent: 0) { $0.workers[0].model = "other" }.isEmpty)
        let probes = try await scored(answer, [Self.smaller]) { table in
            table.workers[0].model = "other"
            for name in table.keys.keys { table.keys[name]?.purpose = .probe }
        }
        #expect(probes.isEmpty)
    }

    @Test("a part of the answers is scored") func sample() async throws {
        let desk = ScoreDesk()
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime], setup(desk, [Self.smaller], percent: 50) { $0.workers[0].model = "other" }) { gateway in
            for _ in 0..<40 {
                let client = try await TestClient(port: gateway.port)
                try await client.post(Samples.request)
                _ = try await client.answer()
            }
        }
        await desk.judge()
        let answers = desk.take(10).reduce(0) { $0 + $1.answers }
        #expect((1...39).contains(answers), "that all or none are has a chance of one in 5 * 10^11")
    }
}
