import HTTPWire
import NIOCore
import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

@Suite("Reservations")
struct ReservationTests {
    private static let endings: [[ScriptedRuntime.Step]] = [
        [.send(Samples.wholeStream)], [.close], [.reset], [.send(Answers.json("{}", status: "503 Service Unavailable"))],
        [.send(Answers.json("{}", status: "400 Bad Request"))], [.send(Answers.streamHead + Samples.token("a")), .close],
        [.send(Answers.streamHead + Answers.event(#"{"error":{"code":500}}"#) + Answers.streamEnd)],
        [.send(Answers.streamHead + Samples.token("a") + Answers.event(#"{"error":{"code":500}}"#))], [.send(Answers.streamHead + Samples.done)],
        [.send("garbage\r\n\r\n")], [.send(Answers.streamHead + Samples.token("a") + Samples.token("b"))],
    ]
    private static let places = 6

    /// Sends one request and either waits for its end or leaves.
    private func ask(_ gateway: GatewayFixture, leaves: Bool) async throws {
        let client = try await TestClient(port: gateway.port)
        try await client.post(Samples.stream)
        if leaves {
            try await client.receive { $0.contains("content") || $0.contains("error") || $0.contains("HTTP/1.1 ") }
        } else {
            // The gateway gives a silent worker up.
            _ = try await client.answer()
        }
        try await client.close()
    }

    private func setup() -> GatewayFixture.Setup {
        var setup = GatewayFixture.Setup()
        setup.tier.concurrentRequests = Self.places
        setup.tier.tokensPerMinute = 1500
        setup.tier.requestsPerMinute = 100_000
        (setup.tier.tokensPerDay, setup.tier.tokensPerMonth, setup.tier.spendPerMonthMicroUsd) = (1_000_000, 2_000_000, 3_000_000)
        setup.edit = { table in
            table.prices = [
                PriceEntry(
                    version: 7, model: "m", tier: "pro", serviceClass: "interactive", effectiveFromSeconds: 0, promptPicoUsd: 1_000_000,
                    cachedPromptPicoUsd: 1_000_000, completionPicoUsd: 1_000_000)
            ]
        }
        setup.settings.interTokenTime = 1
        setup.settings.firstTokenTime = 1
        setup.settings.answerTime = 1
        return setup
    }

    @Test("whatever the endings, every place and every token that was reserved is given back", arguments: [1, 2, 3] as [UInt64])
    func givenBack(seed: UInt64) async throws {
        var random = LoopRandom(seed: seed)
        let order = (0..<200).map { _ in Self.endings[Int.random(in: 0..<Self.endings.count, using: &random)] }
        let leaving = (0..<24).map { _ in Bool.random(using: &random) }
        let runtimes = [
            try await ScriptedRuntime { number, _ in order[number % 200] }, try await ScriptedRuntime { number, _ in order[(number + 77) % 200] },
        ]
        var (left, usage) = (0, JSONValue.null)
        let records = try await GatewayFixture.run(runtimes, setup()) { gateway in
            for round in stride(from: 0, to: leaving.count, by: 4) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for leaves in leaving[round..<round + 4] { group.addTask { try await ask(gateway, leaves: leaves) } }
                    try await group.waitForAll()
                }
            }
            try await until { gateway.metric("plimsoll_gateway_requests_in_flight") == "0" }
            left = try await remainingTokens(gateway)
            try await until { gateway.metric("plimsoll_gateway_requests_in_flight") == "0" }
            usage = try await Self.usage(gateway)
        }
        #expect(records.count > leaving.count / 2)
        let billed = records.reduce(0) { $0 + $1.billablePromptTokens + $1.billableCompletionTokens }
        // A token costs a micro-dollar.
        for window in ["day", "month"] { #expect(usage[window]?["tokens"]?["used"]?.integer == Int64(billed), "\(usage)") }
        #expect(usage["month"]?["spend_micro_usd"]?["used"]?.integer == Int64(billed), "\(usage)")
        #expect(usage["minute"]?["concurrent_requests"]?["used"]?.integer == 0, "\(usage)")
        // The last one's own reservation is still in what it was told.
        #expect(left >= 1500 - billed - 200, "\(left) left, \(billed) billed")
    }

    private static func usage(_ gateway: GatewayFixture) async throws -> JSONValue {
        let client = try await TestClient(port: gateway.port)
        try await client.send("GET /v1/usage HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\nconnection: close\r\n\r\n")
        let answer = try await client.answer()
        guard let start = answer.firstRange(of: "\r\n\r\n")?.upperBound else { return .null }
        return try JSONValue.parse(Array(answer[start...].utf8))
    }

    /// As many requests at once as the plan allows are all taken; what the last of them is told.
    private func remainingTokens(_ gateway: GatewayFixture) async throws -> Int {
        try await withThrowingTaskGroup(of: Int?.self) { group in
            for _ in 0..<Self.places {
                group.addTask {
                    let client = try await TestClient(port: gateway.port)
                    try await client.post(#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}"#)
                    let answer = try await client.answer()
                    #expect(!answer.contains("too_many_concurrent_requests"))
                    let line = answer.split(separator: "\r\n").first { $0.hasPrefix("x-ratelimit-remaining-tokens: ") }
                    return line.flatMap { Int($0.dropFirst("x-ratelimit-remaining-tokens: ".count)) }
                }
            }
            return try await group.compactMap(\.self).reduce(0, max)
        }
    }
}
