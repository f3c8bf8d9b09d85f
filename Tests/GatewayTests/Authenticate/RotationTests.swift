import Cryptography
import FoundationEssentials
import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

/// T1: a rotated key is one key with two secrets, until the old one expires or the key is revoked.
@Suite struct RotationTests {
    private static func setup(oldUntil: Int64, requestsPerMinute: Int = 1000) -> GatewayFixture.Setup {
        var setup = GatewayFixture.Setup()
        setup.edit = { table in
            table.keys = [:]
            var key = KeyEntry(
                id: "key-1", tenant: "tenant-1", sha256Hex: Hash.sha256("sk-new").hex, requestsPerMinute: requestsPerMinute)
            (key.previousSha256Hex, key.previousExpiresAtSeconds) = (Hash.sha256("sk-old").hex, oldUntil)
            TableValue.key(key).add(to: &table)
        }
        return setup
    }

    private static var now: Int64 { Int64(Date().timeIntervalSince1970) }

    private func status(_ gateway: GatewayFixture, _ key: String) async throws -> String {
        let client = try await TestClient(port: gateway.port)
        try await client.post(Samples.request, key: key)
        return String(try await client.answer().dropFirst("HTTP/1.1 ".count).prefix(3))
    }

    private func runtime() async throws -> ScriptedRuntime { try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] } }

    @Test func bothSecretsShareOneLimit() async throws {
        let setup = Self.setup(oldUntil: Self.now + 3600, requestsPerMinute: 2)
        let records = try await GatewayFixture.run([try await runtime()], setup) { gateway in
            var statuses: [String] = []
            for key in ["sk-new", "sk-old", "sk-new", "sk-old"] { statuses.append(try await status(gateway, key)) }
            #expect(statuses == ["200", "200", "429", "429"])
        }
        #expect(records.count { $0.status == 200 } == 2 && records.allSatisfy { $0.key == "key-1" })
    }

    @Test func theOldSecretEndsWhenItExpiresAndTheNewOneGoesOn() async throws {
        let until = Self.now + 5
        try await GatewayFixture.run([try await runtime()], Self.setup(oldUntil: until)) { gateway in
            let early = try await status(gateway, "sk-old")
            #expect(early == "200" || Self.now >= until)
            try await Waiting.until("the old secret has expired", within: .seconds(30)) { try await status(gateway, "sk-old") == "401" }
            #expect(Self.now >= until, "not before its time")
            #expect(try await status(gateway, "sk-new") == "200")
        }
    }

    @Test func aRevokedKeyLosesBothSecretsWithTheTableThatSaysSo() async throws {
        let (runtime, setup) = (try await runtime(), Self.setup(oldUntil: Self.now + 3600))
        try await GatewayFixture.run([runtime], setup) { gateway in
            for key in ["sk-new", "sk-old"] { #expect(try await status(gateway, key) == "200") }
            var next = GatewayFixture.table([runtime], setup)
            next.keys = [:]
            next.version += 1
            gateway.server.apply(next)
            for key in ["sk-new", "sk-old"] {
                try await Waiting.until("\(key) is refused", within: .seconds(30)) { try await status(gateway, key) == "401" }
            }
        }
    }
}
