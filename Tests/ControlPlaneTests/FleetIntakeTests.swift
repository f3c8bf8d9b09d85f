import FoundationEssentials
import PlimsollWire
import Postgres
import Testing

@testable import ControlPlane

@Suite struct FleetIntakeTests {
    @Test func `a gateway's workers that are out are kept, and what cannot be one is not`() async throws {
        try await PeerWorld.with { world in
            let (gateway, worker) = (UUID(), UUID())
            try await world.pool.execute(
                "INSERT INTO serving.gateways (id, name, region, boot_id) VALUES (\(gateway), 'gw-1', 'eu', 'b')")
            let intake = FleetIntake(pool: world.pool)
            let report = FleetReport(out: [worker.uuidString: "slow", "no id": "slow", UUID().uuidString: "tired"], promptsLogged: 3)
            #expect(try await intake.store(report, from: gateway) == IntakeResponse(stored: 1, duplicates: 0, quarantined: 2))
            let row = try await world.pool.queryOne("SELECT workers_out::text AS out, prompts_logged FROM serving.gateways")
            #expect(try row?.value("prompts_logged", as: Int64.self) == 3)
            #expect(try row?.value("out", as: String.self) == "{\"\(worker.uuidString.lowercased())\": \"slow\"}")
            let many = FleetReport(out: Dictionary(uniqueKeysWithValues: (0...10_000).map { ("\($0)", "slow") }))
            await #expect(throws: PeerRefusal.self) { try await intake.store(many, from: gateway) }
        }
    }
}
