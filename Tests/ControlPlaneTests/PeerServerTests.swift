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

    @Test(.timeLimit(.minutes(1))) func aLongPollEndsWithNothingOrIsWokenByAVersion() async throws {
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

    @Test(.timeLimit(.minutes(1))) func aLongPollIsAnsweredWhenTheProgramEnds() async throws {
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

    @Test(.timeLimit(.minutes(1))) func everyPathIsForItsRoleAlone() async throws {
        try await PeerFixture.run { fixture in
            let (agent, agentIdentity) = try await fixture.join(.agent)
            let (_, gatewayIdentity) = try await fixture.join(.gateway)
            for path in [AgentPath.desiredState, GatewayPath.table] {
                #expect(try await fixture.get(path).status == 401)
            }
            #expect(try await fixture.get(AgentPath.authority).status == 200)
            #expect(try await fixture.get(GatewayPath.table, as: agentIdentity).status == 403)
            #expect(try await fixture.get(AgentPath.desiredState, as: gatewayIdentity).status == 403)
            try await fixture.world.pool.transaction { connection in
                _ = try await Revocation.revoke(connection, role: .agent, id: agent.identity.id, reason: "stolen")
            }
            let revoked = try await fixture.get(AgentPath.desiredState, as: agentIdentity)
            #expect(revoked.status == 403)
            #expect(String(decoding: revoked.body, as: UTF8.self).contains("identity_revoked"))
        }
    }
}
