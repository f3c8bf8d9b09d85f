import Cryptography
import FoundationEssentials
import Outbound
import PlimsollWire
import Postgres
import Testing

@testable import ControlPlane

@Suite struct PeerServerTests {
    private func version(_ response: OutboundResponse) throws -> Int64 {
        try #require(response.header("etag").flatMap { Int64($0.filter(\.isNumber)) })
    }

    /// The table as soon as the gateway itself stands in it: from then on nothing changes by itself.
    private func settledTable(_ fixture: PeerFixture, _ gateway: Member, _ identity: OutboundIdentity) async throws -> SignedTable {
        while true {
            let response = try await fixture.get(GatewayPath.table + "?wait=1", as: identity)
            guard response.status == 200 else { continue }
            let table = try WireCoder.decode(SignedTable.self, from: response.body)
            #expect(try version(response) == table.version)
            if table.entries["gateway/\(gateway.credentials.id)"] != nil { return table }
        }
    }

    @Test(.timeLimit(.minutes(6))) func aLongPollEndsWithNothingOrIsWokenByAVersion() async throws {
        try await PeerFixture.run { fixture in
            let (gateway, identity) = try await fixture.join(.gateway)
            let table = try await settledTable(fixture, gateway, identity)
            let nothing = try await fixture.get(GatewayPath.table + "?since=\(table.version)&wait=1", as: identity)
            #expect(nothing.status == 304)
            #expect(try version(nothing) == table.version)
            let began = ContinuousClock.now
            async let woken = fixture.get(GatewayPath.table + "?since=\(table.version)&wait=30", as: identity)
            try await fixture.world.pool.execute("UPDATE serving.tiers SET requests_per_minute = 7")
            let change = try WireCoder.decode(SignedTable.self, from: try await woken.body)
            #expect(ContinuousClock.now - began < .seconds(10))
            #expect(change.since == table.version && change.version == table.version + 1)
            #expect(Array(change.entries.keys) == ["tier/pro"])
        }
    }

    @Test(.timeLimit(.minutes(6))) func aLongPollIsAnsweredWhenTheProgramEnds() async throws {
        try await PeerFixture.run { fixture in
            let (gateway, identity) = try await fixture.join(.gateway)
            let table = try await settledTable(fixture, gateway, identity)
            let began = ContinuousClock.now
            async let ended = fixture.get(GatewayPath.table + "?since=\(table.version)&wait=30", as: identity)
            // Noted when the poll has come in.
            let waits: SQL = "SELECT 1 FROM serving.gateways WHERE table_version = \(table.version)"
            while try await fixture.world.count(waits) == 0 { await Task.yield() }
            await fixture.shutDown()
            #expect(try await ended.status == 304)
            #expect(ContinuousClock.now - began < .seconds(10))
        }
    }

    private static let agentPaths = [
        ("POST", AgentPath.renew), ("POST", AgentPath.heartbeat), ("GET", AgentPath.desiredState), ("POST", AgentPath.operationResults),
    ]
    private static let gatewayPaths = [
        ("POST", GatewayPath.renew), ("GET", GatewayPath.table), ("POST", GatewayPath.usage), ("POST", GatewayPath.minutes),
        ("POST", GatewayPath.answerScores),
    ]

    @Test(.timeLimit(.minutes(6))) func everyPathIsForItsRoleAlone() async throws {
        try await PeerFixture.run { fixture in
            let (_, agent) = try await fixture.join(.agent)
            let (_, gateway) = try await fixture.join(.gateway)
            for (method, path) in Self.agentPaths + Self.gatewayPaths {
                #expect(try await fixture.send(method, path).status == 401, "\(path) without a certificate")
            }
            for (method, path) in Self.gatewayPaths {
                #expect(try await fixture.send(method, path, as: agent).status == 403, "\(path) as agent")
            }
            for (method, path) in Self.agentPaths {
                #expect(try await fixture.send(method, path, as: gateway).status == 403, "\(path) as gateway")
            }
            for path in [AgentPath.authority, GatewayPath.authority] { #expect(try await fixture.get(path).status == 200) }
        }
    }

    @Test(.timeLimit(.minutes(6)), arguments: EnrolmentTokens.Role.allCases)
    func aRevokedIdentityIsRefusedOnEveryPathOfItsRole(_ role: EnrolmentTokens.Role) async throws {
        try await PeerFixture.run { fixture in
            let (member, identity) = try await fixture.join(role)
            try await fixture.world.pool.transaction { connection in
                _ = try await Revocation.revoke(connection, role: member.identity.role, id: member.identity.id, reason: "stolen")
            }
            let paths = role == .agent ? Self.agentPaths : Self.gatewayPaths
            for (method, path) in paths where !path.hasSuffix("/renew") {
                let refused = try await fixture.send(method, path, as: identity)
                #expect(refused.status == 403, "\(path)")
                #expect(String(decoding: refused.body, as: UTF8.self).contains("identity_revoked"))
            }
        }
    }
}
