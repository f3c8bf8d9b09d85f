import Cryptography
import FoundationEssentials
import PlimsollWire
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

@Suite struct CommandTests {
    @Test func aDrainReachesAWaitingAgentAndItsEndIsAudited() async throws {
        try await PeerWorld.with { world in
            let host = try await world.enrol()
            let news = Bells<ChangeChannel>()
            async let told = news.wait(for: .host(host.credentials.id), atMost: .seconds(20)) { try await world.desired(host, newerThan: 1) }
            let given = try await world.pool.transaction { connection in
                try await HostCommand.drain.give(to: host.identity.id, within: .seconds(60), by: "test", connection)
            }
            #expect(given != nil)
            news.ring(.host(host.credentials.id))
            let state = try #require(try await told)
            #expect(state.state == .drain)
            let operation = try #require(state.operations.first)
            #expect(operation.kind == .drain)
            let reports = OperationReports(pool: world.pool)
            let results = OperationResults(results: [OperationResults.Result(id: operation.id, state: .done)])
            try await reports.record(results, from: host.identity.id)
            try await reports.record(results, from: host.identity.id)
            #expect(try await world.count("SELECT 1 FROM serving.operations WHERE state = 'done'") == 1)
            #expect(try await world.count("SELECT 1 FROM audit.entry WHERE action = 'operation_done'") == 1)
        }
    }

    @Test func anotherHostCannotEndAnOperation() async throws {
        try await PeerWorld.with { world in
            let host = try await world.enrol()
            let other = try await world.enrol()
            _ = try await world.pool.transaction { connection in
                try await HostCommand.drain.give(to: host.identity.id, within: .seconds(60), by: "test", connection)
            }
            let id = try #require(try await world.desired(host)?.operations.first?.id)
            try await OperationReports(pool: world.pool).record(
                OperationResults(results: [OperationResults.Result(id: id, state: .done)]), from: other.identity.id)
            #expect(try await world.count("SELECT 1 FROM serving.operations WHERE state = 'sent'") == 1)
        }
    }

    @Test func operationsWhoseDeadlineHasPassedExpire() async throws {
        try await PeerWorld.with { world in
            let host = try await world.enrol()
            _ = try await world.pool.transaction { connection in
                try await HostCommand.drain.give(to: host.identity.id, within: .seconds(60), by: "test", connection)
            }
            try await world.pool.execute("UPDATE serving.operations SET deadline = now() - interval '1 second'")
            #expect(try await OperationReports(pool: world.pool).expire() == 1)
            #expect(try await OperationReports(pool: world.pool).expire() == 0)
            #expect(try await world.count("SELECT 1 FROM audit.entry WHERE action = 'operation_expired'") == 1)
        }
    }

    @Test func aNewGatewayRaisesTheGenerationOfItsRegion() async throws {
        try await PeerWorld.with { world in
            let host = try await world.enrol()
            let gateway = try await world.enrol(.gateway)
            let state = try #require(try await world.desired(host, newerThan: 1))
            #expect(state.gateways == [GatewayAddress(id: gateway.credentials.id, address: "127.0.0.1:7802")])
        }
    }
}
