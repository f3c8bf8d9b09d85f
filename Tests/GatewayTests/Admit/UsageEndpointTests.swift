import Foundation
import NIOCore
import NIOPosix
import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

@Suite struct UsageEndpointTests {
    private static let head = "GET /v1/usage HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\n\r\n"

    private static var setup: GatewayFixture.Setup {
        var setup = GatewayFixture.Setup()
        setup.tier.tokensPerDay = 1000
        // So few that one is not back before it is looked at.
        setup.tier.requestsPerMinute = 3
        setup.tier.spendPerMonthMicroUsd = 5
        setup.edit = { table in
            table.prices = [
                PriceEntry(
                    version: 7, model: "m", tier: "pro", serviceClass: "interactive", effectiveFromSeconds: 0, promptPicoUsd: 100_000,
                    cachedPromptPicoUsd: 10_000, completionPicoUsd: 400_000)
            ]
            var business = table.tiers["pro"]
            business?.name = "business"
            business?.spendPerMonthMicroUsd = nil
            business?.maxOutputTokens = 200
            business?.maxPromptTokens *= 2
            business?.maxBodyBytes *= 2
            table.tiers["business"] = business
        }
        return setup
    }

    /// The whole answer to one request on a connection of its own; without a body it is for the usage.
    private func ask(_ gateway: GatewayFixture, _ body: String? = nil, head: String = Self.head) async throws -> String {
        let client = try await TestClient(port: gateway.port)
        if let body { try await client.post(body) } else { try await client.send(head) }
        return try await client.answer()
    }

    private static let short = Samples.request.replacing("{\"model\"", with: "{\"max_tokens\":9,\"model\"")

    @Test func aKeySeesWhatItUsedAndWhatIsLeft() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        let records = try await GatewayFixture.run([runtime], Self.setup) { gateway in
            let admitted = try await ask(gateway, Self.short)
            #expect(admitted.hasPrefix("HTTP/1.1 200 "))
            let answer = try await ask(gateway)
            // 9 prompt tokens and 3 of the answer: 0.9 + 1.2 micro-dollars.
            #expect(answer.contains(#""tokens":{"limit":1000,"used":12,"left":988}"#))
            #expect(answer.contains(#""spend_micro_usd":{"limit":5,"used":2,"left":2}"#))
            #expect(answer.contains(#""plan":"pro","minute":{"requests":{"limit":3,"burst":3,"used":1,"left":2,"#))
            #expect(answer.contains("x-ratelimit-remaining-requests: 2\r\n"))
        }
        #expect(records.map(\.priceVersion) == [7])
    }

    @Test func thePriceOfARequestIsTheOneThatHeldWhenItCame() async throws {
        let promise = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Void.self)
        let runtime = try await ScriptedRuntime { number, _ in
            number == 0 ? [.after(promise.futureResult), .send(Answers.json(Samples.answer))] : [.send(Answers.json(Samples.answer))]
        }
        var setup = Self.setup
        setup.tier.spendPerMonthMicroUsd = nil
        let records = try await GatewayFixture.run([runtime], setup) { [setup] gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Self.short)
            try await until { runtime.seen.requests.count == 1 }
            var changed = GatewayFixture.table([runtime], setup)
            changed.prices[0].version = 8
            changed.version += 1
            gateway.server.apply(changed)
            promise.succeed()
            #expect(try await client.answer().hasPrefix("HTTP/1.1 200 "))
            _ = try await ask(gateway, Self.short)
        }
        #expect(records.map(\.priceVersion) == [7, 8])
    }

    @Test func capsOfAPlanNameTheOneThatAllowsMore() async throws {
        var setup = Self.setup
        setup.tier.maxBodyBytes = 100_000
        setup.tier.requestsPerMinute = 100
        try await GatewayFixture.run([], setup) { gateway in
            let long = try await ask(gateway, Samples.request.replacing("{\"model\"", with: "{\"max_tokens\":101,\"model\""))
            let prompt = try await ask(
                gateway, #"{"model":"m","messages":[{"role":"user","content":"\#(String(repeating: "word ", count: 9_000))"}]}"#)
            let body = try await ask(
                gateway, #"{"model":"m","messages":[{"role":"user","content":"\#(String(repeating: "word ", count: 30_000))"}]}"#)
            for (answer, code) in [(long, "max_tokens_too_large"), (prompt, "prompt_too_long"), (body, "request_too_large")] {
                #expect(answer.contains(code) && answer.contains("that the plan pro allows. The plan business allows more."), "\(answer.prefix(600))")
            }
        }
    }

    /// Row 50: the worst case of prompt and longest answer is reserved, and given back by the record that ends the request.
    @Test func moneyIsReservedAtItsWorstAndRefusedByName() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime], Self.setup) { gateway in
            // A hundred tokens may be answered: 40 micro-dollars.
            let refused = try await ask(gateway, Samples.request)
            #expect(refused.hasPrefix("HTTP/1.1 429 ") && refused.contains(#""code":"spend_limit_exceeded""#))
            #expect(refused.contains("The plan business allows more.") && refused.contains(#""param":"max_tokens""#))
            let paid = try await ask(gateway, Self.short)
            #expect(paid.hasPrefix("HTTP/1.1 200 "))
            let spent = try await ask(gateway, Self.short)
            #expect(spent.contains("The monthly spend limit of this account is reached.") && spent.contains("\r\nretry-after: "))
        }
    }

    @Test func itIsReadOnlyAndNeedsAKey() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [] }
        try await GatewayFixture.run([runtime]) { gateway in
            let strange = try await ask(gateway, head: Self.head.replacing("sk-test", with: "sk-other"))
            #expect(strange.hasPrefix("HTTP/1.1 401 "))
            let changed = try await ask(gateway, head: Self.head.replacing("GET", with: "DELETE"))
            #expect(changed.hasPrefix("HTTP/1.1 405 "))
        }
    }
}
