import Gateway
import PlimsollWire
import TestSupport
import Testing

@Suite("Bodies that are refused")
struct RefusedBodiesTests {
    @Test(
        "a flood of invalid bodies ends at the key's own requests a minute", arguments: ["{", #"{"model":"m","messages":5}"#, #"{"model":"none"}"#])
    func flood(body: String) async throws {
        var setup = GatewayFixture.Setup()
        setup.tier.requestsPerMinute = 3
        try await GatewayFixture.run([], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            var answers: [String] = []
            for _ in 0..<6 {
                client.clear()
                try await client.post(body)
                answers.append(try await client.answer())
            }
            #expect(answers.first?.hasPrefix("HTTP/1.1 40") == true)
            let limited = answers.filter { $0.hasPrefix("HTTP/1.1 429 ") && $0.contains("rate_limit_exceeded") && $0.contains("retry-after") }
            #expect(limited.count >= 2, "\(answers)")
        }
    }
}
