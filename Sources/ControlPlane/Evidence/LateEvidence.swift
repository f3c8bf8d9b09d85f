import Cryptography
import Domain
import FoundationEssentials
import Postgres

/// Reports that came after their minute's leaf was fixed: a correction says what the minute was found to be, the leaf stays.
struct LateEvidence: Sendable {
    /// Minutes that are looked at in one turn.
    private static let most = 1_000

    /// Of the reliability room.
    let pool: PostgresPool
    var reached: @Sendable () async throws -> Void = {}

    private struct Minute: Sendable {
        let tenant: UUID
        let place: EvidenceSubscriptions.Place
        let minute: Int64
        let notedAt: Date
    }

    /// Those of tenants of whom one could not be corrected wait, and no others for them.
    func correct() async throws -> [EvidenceFault] {
        var faults: [EvidenceFault] = []
        while true {
            let found = try await noted(without: faults.map(\.tenant))
            let known = faults.count
            for late in found where !faults.contains(where: { $0.tenant == late.tenant }) {
                if let fault = try await EvidenceFault.caught(late.tenant, { try await correct(late) }) { faults.append(fault) }
            }
            guard faults.count > known, found.count == Self.most else { return faults }
        }
    }

    private func noted(without tenants: [UUID]) async throws -> [Minute] {
        let rows = try await pool.query(
            """
            SELECT tenant_id, model, region, extract(epoch FROM minute_at)::bigint / 60 AS minute, noted_at FROM reliability.evidence_late
            WHERE tenant_id <> ALL(\(tenants)::uuid[]) ORDER BY noted_at, tenant_id, minute_at LIMIT \(Self.most)
            """)
        return try rows.map { row in
            Minute(
                tenant: try row.value("tenant_id"),
                place: EvidenceSubscriptions.Place(model: try row.value("model"), region: try row.value("region")),
                minute: try row.value("minute"), notedAt: try row.value("noted_at"))
        }
    }

    private func correct(_ late: Minute) async throws {
        try await pool.transaction(.repeatable) { connection in
            _ = try await connection.query("SELECT pg_advisory_xact_lock(hashtextextended(\(late.tenant)::text, 7116881261))")
            if let known = try await known(late, connection) {
                let counts = try await EvidenceCounts.read(late.tenant, late.minute..<late.minute + 1, place: late.place, connection)
                let found = counts.leaf(late.place, late.minute)
                if found != known { try await note(found, late, connection) }
            }
            try await reached()
            // One that was summed again meanwhile stays.
            try await connection.execute(
                """
                DELETE FROM reliability.evidence_late WHERE tenant_id = \(late.tenant) AND model = \(late.place.model)
                    AND region = \(late.place.region) AND minute_at = \(EvidenceTime.minute(late.minute)) AND noted_at <= \(late.notedAt)
                """)
        }
    }

    /// What is on record of the minute: its newest correction, else its leaf. Nil when it has no leaf, or not yet.
    private func known(_ late: Minute, _ connection: PostgresConnection) async throws -> LeafCounts? {
        let row = try await connection.queryOne(
            """
            SELECT leaves, extract(epoch FROM since_at)::bigint / 60 AS since FROM reliability.evidence_day
            WHERE tenant_id = \(late.tenant) AND day = \(EvidenceTime.day(late.minute)) AND model = \(late.place.model)
                AND region = \(late.place.region) AND since_at <= \(EvidenceTime.minute(late.minute))
                AND since_at + make_interval(mins => minutes) > \(EvidenceTime.minute(late.minute))
            """)
        guard let row, let runs = LeafRuns(try row.value("leaves", as: String.self)) else { return nil }
        let corrections = try await Self.corrections(late.tenant, BillingPeriod(microseconds: late.minute * 60_000_000)) {
            try await connection.query($0)
        }
        let newest = corrections.map(\.leaf).last {
            $0.minute == late.minute && $0.model == late.place.model && $0.region == late.place.region
        }
        let since: Int64 = try row.value("since")
        return newest.map { LeafCounts($0) } ?? runs.counts(at: Int(late.minute - since))
    }

    private func note(_ found: LeafCounts, _ late: Minute, _ connection: PostgresConnection) async throws {
        let leaf = MinuteLeaf(
            tenant: late.tenant.uuidString.lowercased(), model: late.place.model, region: late.place.region, minute: late.minute, good: found.good,
            bad: found.bad, excluded: found.excluded, firstTokens: found.firstTokens, status: found.status)
        guard let leaf else { return }
        let month = BillingPeriod(microseconds: late.minute * 60_000_000)
        let number = try await Self.corrections(late.tenant, month) { try await connection.query($0) }.count + 1
        let correction = EvidenceCorrection(number: number, leaf: leaf)
        try await connection.execute(
            """
            INSERT INTO reliability.evidence_fact (tenant_id, month, kind, digest, line)
            VALUES (\(late.tenant), \(EvidenceTime.month(month)), 'correction', \(correction.digest.bytes), \(correction.line))
            """)
    }

    /// Of a tenant's month, in the order of their finding.
    static func corrections(
        _ tenant: UUID, _ month: BillingPeriod, _ run: (SQL) async throws -> [PostgresRow]
    ) async throws -> [EvidenceCorrection] {
        let rows = try await run(
            """
            SELECT line FROM reliability.evidence_fact
            WHERE tenant_id = \(tenant) AND month = \(EvidenceTime.month(month)) AND kind = 'correction' ORDER BY id
            """)
        return try rows.map { row in
            guard let correction = EvidenceCorrection(line: try row.value("line")) else { throw PostgresError(.decoding, "no correction") }
            return correction
        }
    }
}
