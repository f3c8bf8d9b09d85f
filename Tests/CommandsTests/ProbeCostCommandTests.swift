import Postgres
import TestSupport
import Testing

/// What `plimsoll probes cost` says of days that nobody measured.
@Suite struct ProbeCostCommandTests {
    @Test func `days before the first measured one are said to be unmeasured, not free`() async throws {
        try await AdminWorld.run { world in
            let none = try await world.plimsoll("probes", "cost")
            #expect(none.exit == 0 && none.output == "no probe-costs", "\(none)")
            try await world.database.withPool { pool in
                _ = try await pool.execute(
                    "INSERT INTO reliability.probe_cost VALUES ('2027-01-15', 'outside', '', 'tiny', 'eu', 1, 12, 256, 4000000)")
            }
            let before = try await world.plimsoll("probes", "cost", "until=2027-01-15T00:00:00Z")
            #expect(before.exit == 0 && before.output == "not measured before 2027-01-15", "\(before)")
            let over = try await world.plimsoll("probes", "cost", "since=2027-01-01T00:00:00Z")
            #expect(over.output.contains("2027-01-15") && over.errors.contains("not measured before 2027-01-15"), "\(over)")
            let after = try await world.plimsoll("probes", "cost", "since=2027-01-15T00:00:00Z")
            #expect(after.output.contains("2027-01-15") && !after.errors.contains("not measured"), "\(after)")
        }
    }
}
