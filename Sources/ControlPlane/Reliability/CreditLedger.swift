import Domain
import FoundationEssentials
import Postgres

/// Computes credits from stored inputs and keeps every version of them.
struct CreditLedger: Sendable {
    /// Days after a month's end at which it is computed by itself: late reports are in by then.
    private static let graceDays: Int64 = 3

    private let reliability: PostgresPool
    private let billing: PostgresPool

    init(_ databases: ControlDatabases) {
        reliability = databases.reliability
        billing = databases.billing
    }

    /// Last months of agreements that have no credit yet, or one from leaves that were not complete and are now, from the fourth day of the month after
    /// on. One that cannot be computed does not keep the others from it; the first of their errors is thrown at the end.
    func computeDue(at moment: Date) async throws {
        let rows = try await reliability.query(
            """
            SELECT agreement.id, to_char(past.first, 'YYYY-MM') AS month
            FROM reliability.agreement JOIN reliability.terms ON terms.id = agreement.terms_id, LATERAL (
                SELECT date_trunc('month', \(moment)::timestamptz AT TIME ZONE terms.time_zone) - interval '1 month' AS first) AS past
            WHERE agreement.state IN ('active', 'ended')
                AND \(moment)::timestamptz >= (past.first + interval '1 month' + make_interval(days => \(Int(Self.graceDays)))) AT TIME ZONE terms.time_zone
                AND agreement.starts_at < (past.first + interval '1 month') AT TIME ZONE terms.time_zone
                AND coalesce(agreement.ends_at > past.first AT TIME ZONE terms.time_zone, true)
                AND NOT EXISTS (SELECT 1 FROM reliability.credit WHERE credit.agreement_id = agreement.id
                    AND credit.month = to_char(past.first, 'YYYY-MM') AND ((evidence -> 'complete')::boolean OR NOT EXISTS (
                        SELECT 1 FROM reliability.evidence_tree AS tree WHERE tree.tenant_id = agreement.tenant_id
                            AND tree.next_at >= (past.first + interval '1 month') AT TIME ZONE terms.time_zone + interval '1 day')))
            ORDER BY agreement.created_at
            """)
        var failure: (any Error)?
        for row in rows {
            do {
                try await issue(try row.value("id"), month: try row.value("month"))
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
    }

    private func issue(_ agreement: UUID, month: String) async throws {
        guard let found = try await compute(agreement, month: month) else { return }
        try await reliability.transaction { connection in
            guard let credit = try await Self.record(found, by: "reliability-keeper", connection) else { return }
            try await connection.execute(
                """
                SELECT audit.append('reliability-keeper', 'compute', 'credit', \(credit.uuidString.lowercased()), NULL, \(found.arithmetic))
                """)
        }
    }

    /// Nil when there is no such agreement, or it covered nothing of the month.
    func compute(_ agreement: UUID, month: String) async throws -> CreditComputation? {
        let row = try await reliability.queryOne(
            "SELECT \(Agreement.columns) FROM reliability.agreement WHERE id = \(agreement) AND state <> 'proposed'")
        guard let found = try row.map({ try Agreement($0) }),
            let terms = try await TermsVersion.read(found.terms, { try await reliability.queryOne($0) })
        else { return nil }
        let whole = try await Self.minutes(of: month, in: terms.timeZone, reliability)
        let active = found.minutes(in: whole)
        guard !active.isEmpty else { return nil }
        return try await compute(found, terms, month, whole, active)
    }

    private func compute(
        _ agreement: Agreement, _ terms: TermsVersion, _ month: String, _ whole: MinuteRange, _ active: MinuteRange
    ) async throws -> CreditComputation {
        let book = MinuteBook(pool: reliability)
        let gaps = try await PromiseGaps(pool: reliability).gaps(
            of: agreement.subject, month: whole, rules: agreement.maintenance(terms), codes: terms.exclusions)
        let tally = try await book.tally(of: agreement.subject, in: active, rule: terms.rule, leftOut: gaps)
        let used = try await ServiceFee.charges(of: agreement.subject, in: active, billing)
        let fee = ServiceFee(
            minimumMicroUsd: agreement.monthlyMinimumMicroUsd, activeMinutes: Int64(active.count), monthMinutes: Int64(whole.count),
            charges: used.amount, requests: used.requests, unpriced: used.unpriced)
        guard let period = BillingPeriod(month) else { throw PostgresError(.decoding, "a month that is none") }
        return CreditComputation(
            agreement: agreement, terms: terms, month: month, monthMinutes: whole, active: active, tally: tally,
            latency: try await book.latency(of: agreement.subject, in: active, threshold: terms.firstTokenThreshold, leftOut: gaps), fee: fee,
            roots: try await EvidenceRoots.read(agreement.tenant, period, covering: active, reliability))
    }

    /// A month such as 2026-06 in a zone.
    static func minutes(of month: String, in zone: String, _ pool: PostgresPool) async throws -> MinuteRange {
        let row = try await pool.queryOne(
            """
            SELECT extract(epoch FROM first AT TIME ZONE \(zone))::bigint / 60 AS first,
                extract(epoch FROM (first + interval '1 month') AT TIME ZONE \(zone))::bigint / 60 AS next
            FROM (SELECT (\(month)::text || '-01')::timestamp AS first) AS start
            """)
        guard let row else { return 0..<0 }
        return try row.value("first", as: Int64.self)..<row.value("next", as: Int64.self)
    }

    /// Adds a version when there is none, or the newest says something else. Nil when it says the same.
    static func record(_ computation: CreditComputation, by actor: String, _ connection: PostgresConnection) async throws -> UUID? {
        let agreement = computation.agreement
        try await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('credit ' || \(agreement.id)::text, 0))")
        let row = try await connection.queryOne(
            """
            INSERT INTO reliability.credit (agreement_id, tenant_id, terms_id, month, version, status, amount_cents, arithmetic, evidence,
                computed_by)
            SELECT \(agreement.id), \(agreement.tenant), \(agreement.terms), \(computation.month), coalesce(newest.version, 0) + 1,
                \(computation.cents > 0 ? "issued" : "none"), \(Int64(computation.cents)), \(computation.arithmetic)::jsonb,
                \(computation.roots.document)::jsonb, \(actor)
            FROM (SELECT 1) AS one LEFT JOIN LATERAL (
                SELECT version, arithmetic, evidence FROM reliability.credit WHERE agreement_id = \(agreement.id) AND month = \(computation.month)
                ORDER BY version DESC LIMIT 1) AS newest ON true
            WHERE newest.arithmetic IS DISTINCT FROM \(computation.arithmetic)::jsonb
                OR newest.evidence IS DISTINCT FROM \(computation.roots.document)::jsonb
            RETURNING id
            """)
        return try row?.value("id")
    }
}

extension MinuteBook {
    /// Hours by latency, with the region's probes for hours in which little was asked; minutes that a contract leaves out have no samples.
    func latency(of subject: MinuteSubject, in range: MinuteRange, threshold: Int64, leftOut: [MinuteRange]) async throws -> LatencyHours {
        let gaps = MinuteGaps.merged(leftOut, within: range)
        let isCounted = { (minute: Int64) in !gaps.contains { $0.contains(minute) } }
        let own = try await firstTokens(of: subject, in: range).filter { isCounted($0.minute) }
        let rows = try await query(
            """
            SELECT floor(extract(epoch FROM at) / 60)::bigint AS minute, count(*) AS samples, count(*) FILTER (WHERE ttft_us > \(threshold)) AS over
            FROM reliability.probe WHERE model = \(subject.model) AND region = \(subject.region) AND succeeded AND NOT drill AND ttft_us IS NOT NULL
                AND at >= \(SQL.minute(range.lowerBound)) AND at < \(SQL.minute(range.upperBound))
            GROUP BY 1
            """)
        let probes = try rows.map { row in
            (minute: try row.value("minute", as: Int64.self), counter: LatencyCounter(samples: try row.value("samples"), over: try row.value("over")))
        }.filter { isCounted($0.minute) }
        let place = { (entry: (minute: Int64, counter: LatencyCounter)) in
            (minute: Int(entry.minute - range.lowerBound), counter: entry.counter)
        }
        return LatencyHours(minutes: range.count, requests: own.map(place), probes: probes.map(place))
    }
}
