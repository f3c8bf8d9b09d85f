import Domain
import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

@Suite struct KeyAddressTests {
    private func answer(_ gateway: GatewayFixture, key: String) async throws -> String {
        let client = try await TestClient(port: gateway.port)
        try await client.post(Samples.request, key: key)
        return try await client.answer()
    }

    /// Tries keys that nobody has until the address is locked; returns what is answered then. Each lock is twice as long as the one before.
    private func lock(_ gateway: GatewayFixture) async throws -> String {
        for number in 0..<200 {
            let answer = try await answer(gateway, key: "sk-guess-\(number)")
            if answer.hasPrefix("HTTP/1.1 429 ") { return answer }
            #expect(answer.hasPrefix("HTTP/1.1 401 ") && answer.contains("invalid_api_key"))
        }
        return ""
    }

    @Test func whoGuessesKeysIsTurnedAwayAndAValidKeyPassesFromTheSameAddress() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime]) { gateway in
            let refused = try await lock(gateway)
            #expect(refused.contains("too_many_failed_keys") && refused.contains("retry-after: 60"))
            let passed = try await answer(gateway, key: "sk-test")
            #expect(passed.hasPrefix("HTTP/1.1 200 "))
            #expect(await gateway.server.takeAbuse().locks >= 1)
        }
    }

    /// A key that exists and is not good is answered as one that does not, or guessing would tell them apart.
    @Test func fromALockedAddressAllRefusedKeysLookAlike() async throws {
        try await GatewayFixture.run([]) { gateway in
            var bodies: Set<String> = []
            // A lock may end in between: the next one is longer.
            for _ in 0..<6 {
                bodies = [try await lock(gateway).body]
                for key in ["sk-expired", "sk-nobody", "pls_live_0000"] { bodies.insert(try await answer(gateway, key: key).body) }
                if bodies.count == 1 { break }
            }
            #expect(bodies.count == 1, "\(bodies)")
        }
    }

    @Test func whoNamesNoKeyIsNotCounted() async throws {
        try await GatewayFixture.run([]) { gateway in
            for _ in 0..<FailedSite.tolerated + 5 {
                let client = try await TestClient(port: gateway.port)
                try await client.post(Samples.request, key: nil)
                #expect(try await client.answer().hasPrefix("HTTP/1.1 401 "))
            }
        }
    }

    @Test(
        arguments: [
            (["192.0.2.0/24"], nil, nil, 403), (["127.0.0.0/8"], nil, nil, 200), (nil, ["2001:db8::/32"], nil, 403),
            (["127.0.0.0/8"], ["127.0.0.1"], nil, 200), (nil, nil, "127.0.0.1", 403), (nil, nil, "192.0.2.1", 200),
        ] as [([String]?, [String]?, String?, Int)])
    func aKeyIsGoodFromItsAddressesOnly(key: [String]?, tenant: [String]?, blocked: String?, status: Int) async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        let setup = GatewayFixture.Setup(edit: { table in
            for name in table.keys.keys { table.keys[name]?.allowedAddresses = key }
            table.tenants["tenant-1"]?.allowedAddresses = tenant
            table.rules = blocked.map { [RuleEntry(id: "r", kind: .address, pattern: $0)] } ?? []
        })
        try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.request)
            let answer = try await client.answer()
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
        }
    }
}

extension String {
    /// What follows the head of an answer.
    fileprivate var body: String { split(separator: "\r\n\r\n").last.map(String.init) ?? "" }
}
