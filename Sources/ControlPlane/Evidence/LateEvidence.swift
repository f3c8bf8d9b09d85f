import Cryptography
import Domain
import FoundationEssentials
import Postgres

/// Reports that came after their minute's leaf was fixed: a correction says what the minute was found to be, the leaf stays. Where the minute has no leaf,
/// because nobody knew then that the tenant uses this model there, the correction stands alone, and leaves begin where the tree goes on. A tenant of whom
/// there is no tree of the month yet, nor of a later one, gets leaves from that minute on.
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
    ///
    /// - Parameter standing: Tenants whose trees do not grow now: theirs wait too.
    func correct(without standing: [UUID] = []) async throws -> [EvidenceFault] {
        var faults: [EvidenceFault] = []
        while true {
            let found = try await noted(without: standing + faults.map(\.tenant))
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
            // The first of a tree that there will be gets its leaf by that, in the next turn.
            guard let place = try await standing(late, connection) else { return }
            // What the tree has not come to yet gets its leaf.
            if case .tree(let tree) = place, late.minute < tree.next {
                let known = try await known(late, connection)
                let counts = try await EvidenceCounts.read(late.tenant, late.minute..<late.minute + 1, place: late.place, connection)
                let found = counts.leaf(late.place, late.minute)
                let isNews = known.map { $0 != found } ?? (found.good + found.bad + found.excluded > 0)
                if isNews, try await note(found, late, connection), known == nil { try await begin(late.place, tree, connection) }
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

    private enum Standing {
        case tree(TenantTree)
        /// There is nothing to be told of it.
        case untold
    }

    /// What a correction of the minute belongs to; nil: the tenant's trees have not come to its month yet. Where they have passed it over no leaf can come
    /// any more, and its month gets a tree for the correction alone.
    private func standing(_ late: Minute, _ connection: PostgresConnection) async throws -> Standing? {
        if let tree = try await tree(late, connection) { return .tree(tree) }
        guard EvidenceSeries(tenant: late.tenant.uuidString.lowercased(), model: late.place.model, region: late.place.region) != nil else {
            return .untold
        }
        let month = BillingPeriod(microseconds: late.minute * 60_000_000)
        let row = try await connection.queryOne(
            """
            SELECT EXISTS (SELECT 1 FROM reliability.minute_total WHERE tenant_id = \(late.tenant) AND model = \(late.place.model)
                    AND region = \(late.place.region) AND minute_at = \(EvidenceTime.minute(late.minute)) AND good + bad + excluded > 0) AS is_used,
                EXISTS (SELECT 1 FROM reliability.evidence_tree WHERE tenant_id = \(late.tenant) AND month > \(EvidenceTime.month(month))) AS is_past
            """)
        guard try row?.value("is_used", as: Bool.self) == true else { return .untold }
        guard try row?.value("is_past", as: Bool.self) == true else { return nil }
        try await BareTrees.plant(late.tenant, month, connection)
        guard let planted = try await tree(late, connection) else { return nil }
        return .tree(planted)
    }

    /// Of the minute's month.
    private func tree(_ late: Minute, _ connection: PostgresConnection) async throws -> TenantTree? {
        try await connection.queryOne(
            """
            SELECT \(TenantTree.columns) FROM reliability.evidence_tree
            WHERE tenant_id = \(late.tenant) AND month = \(EvidenceTime.month(BillingPeriod(microseconds: late.minute * 60_000_000)))
            """
        ).map { try TenantTree($0) }
    }

    /// From the tree's next minute on there are leaves, to the end of the month, as of whatever is used without a subscription.
    private func begin(_ place: EvidenceSubscriptions.Place, _ tree: TenantTree, _ connection: PostgresConnection) async throws {
        guard !tree.isComplete else { return }
        try await connection.execute(
            """
            INSERT INTO reliability.evidence_series (tenant_id, model, region, since_at, cause)
            SELECT \(tree.tenant), \(place.model), \(place.region), \(EvidenceTime.minute(tree.next)), 'traffic'
            WHERE NOT EXISTS (SELECT 1 FROM reliability.evidence_series AS series WHERE series.tenant_id = \(tree.tenant)
                AND series.model = \(place.model) AND series.region = \(place.region)
                AND coalesce(series.until_at > \(EvidenceTime.minute(tree.next)), true))
            """)
    }

    /// What is on record of the minute: its newest correction, else its leaf. Nil when it has neither.
    private func known(_ late: Minute, _ connection: PostgresConnection) async throws -> LeafCounts? {
        let row = try await connection.queryOne(
            """
            SELECT leaves, extract(epoch FROM since_at)::bigint / 60 AS since FROM reliability.evidence_day
            WHERE tenant_id = \(late.tenant) AND day = \(EvidenceTime.day(late.minute)) AND model = \(late.place.model)
                AND region = \(late.place.region) AND since_at <= \(EvidenceTime.minute(late.minute))
                AND since_at + make_interval(mins => minutes) > \(EvidenceTime.minute(late.minute))
            """)
        let corrections = try await Self.corrections(late.tenant, BillingPeriod(microseconds: late.minute * 60_000_000)) {
            try await connection.query($0)
        }
        let newest = corrections.map(\.leaf).last {
            $0.minute == late.minute && $0.model == late.place.model && $0.region == late.place.region
        }
        if let newest { return LeafCounts(newest) }
        guard let row else { return nil }
        guard let runs = LeafRuns(try row.value("leaves", as: String.self)) else { throw PostgresError(.decoding, "leaves that are none") }
        return runs.counts(at: Int(late.minute - (try row.value("since", as: Int64.self))))
    }

    /// False: it is of no model of ours.
    private func note(_ found: LeafCounts, _ late: Minute, _ connection: PostgresConnection) async throws -> Bool {
        let leaf = MinuteLeaf(
            tenant: late.tenant.uuidString.lowercased(), model: late.place.model, region: late.place.region, minute: late.minute, good: found.good,
            bad: found.bad, excluded: found.excluded, firstTokens: found.firstTokens, status: found.status)
        guard let leaf else { return false }
        let month = BillingPeriod(microseconds: late.minute * 60_000_000)
        let number = try await Self.corrections(late.tenant, month) { try await connection.query($0) }.count + 1
        let correction = EvidenceCorrection(number: number, leaf: leaf)
        try await connection.execute(
            """
            INSERT INTO reliability.evidence_fact (tenant_id, month, kind, digest, line)
            VALUES (\(late.tenant), \(EvidenceTime.month(month)), 'correction', \(correction.digest.bytes), \(correction.line))
            """)
        return true
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
