import Domain
import FoundationEssentials
import Postgres

/// Computes credits from stored inputs and keeps every version of them.
struct CreditLedger: Sendable {
    /// Days after a month's end at which it is computed by itself: late reports are in by then.
    private static let graceDays: Int64 = 3
    /// Months that are computed between two looks at the lease.
    private static let piece = 50
    private static let actor = "reliability-keeper"

    private let reliability: PostgresPool
    private let billing: PostgresPool

    init(_ databases: ControlDatabases) {
        reliability = databases.reliability
        billing = databases.billing
    }

    /// Everything that is due: `noteDue` and `computeNoted`.
    func computeDue(at moment: Date) async throws {
        try await noteDue(at: moment)
        try await computeNoted()
    }

    /// Notes months of agreements that have no final credit yet, however long they have been over, from the fourth day of the month after on. What
    /// changes a month that has one notes it by itself: triggers on what credits are computed from.
    ///
    /// - Parameter settling: Until what was noted is computed. A transaction that was open before the note was there saw nothing to note a change in; in a
    ///   minute it is over.
    func noteDue(at moment: Date, settling: Duration = .zero) async throws {
        try await reliability.execute(
            """
            INSERT INTO reliability.credit_recheck (agreement_id, month, noted_at)
            SELECT due.agreement_id, due.month, clock_timestamp() + make_interval(secs => \(settling.components.seconds))
            FROM (\(Self.open(at: moment, days: Self.graceDays))) AS due
            WHERE NOT EXISTS (SELECT 1 FROM reliability.credit_recheck AS known WHERE known.agreement_id = due.agreement_id AND known.month = due.month)
            ORDER BY 1, 2
            """)
    }

    /// Months of agreements that have been over for so many days and have no final credit.
    private static func open(at moment: Date, days: Int64) -> SQL {
        """
        SELECT agreement.id AS agreement_id, to_char(past.first, 'YYYY-MM') AS month
        FROM reliability.agreement JOIN reliability.terms ON terms.id = agreement.terms_id, LATERAL generate_series(
            date_trunc('month', agreement.starts_at AT TIME ZONE terms.time_zone),
            least(agreement.ends_at, \(moment)::timestamptz) AT TIME ZONE terms.time_zone, interval '1 month') AS past (first)
        WHERE agreement.state IN ('active', 'ended')
            AND \(moment)::timestamptz >= (past.first + interval '1 month' + make_interval(days => \(Int(days)))) AT TIME ZONE terms.time_zone
            AND coalesce(agreement.ends_at > past.first AT TIME ZONE terms.time_zone, true)
            AND NOT EXISTS (SELECT 1 FROM reliability.credit WHERE credit.agreement_id = agreement.id
                AND credit.month = to_char(past.first, 'YYYY-MM') AND (evidence -> 'complete')::boolean)
        """
    }

    /// Months whose credit is to be computed, and of them those that could not be when it was last tried.
    func backlog() async throws -> (waiting: Int, failing: Int) {
        let row = try await reliability.queryOne(
            """
            SELECT (SELECT count(DISTINCT (agreement_id, month)) FROM reliability.credit_recheck) AS waiting,
                (SELECT count(*) FROM reliability.credit_fault) AS failing
            """)
        return (try row?.value("waiting") ?? 0, try row?.value("failing") ?? 0)
    }

    /// Months without a final credit two days after the others of their month had one: it fails, or leaves of their minutes do not come.
    func late(at moment: Date) async throws -> Int {
        try await reliability.queryOne("SELECT count(*) AS late FROM (\(Self.open(at: moment, days: Self.graceDays + 2))) AS due")?.value("late") ?? 0
    }

    /// Computes what was noted until now. A month that cannot be computed does not keep the others from it, stays noted and says why; the first of their
    /// errors is thrown at the end.
    ///
    /// - Parameter goesOn: Asked after each piece.
    func computeNoted(_ goesOn: () async throws -> Bool = { true }) async throws {
        guard let limit = try await reliability.queryOne("SELECT clock_timestamp() AS now")?.value("now", as: Date.self) else { return }
        var failure: (any Error)?
        repeat {
            let rows = try await reliability.query(
                """
                SELECT agreement_id, month, array_agg(id ORDER BY id) AS ids FROM reliability.credit_recheck
                WHERE noted_at <= \(limit) GROUP BY agreement_id, month ORDER BY min(noted_at) LIMIT \(Self.piece)
                """)
            guard !rows.isEmpty else { break }
            for row in rows {
                let note = Note(agreement: try row.value("agreement_id"), month: try row.value("month"), ids: try row.value("ids"))
                do {
                    try await issue(note)
                } catch {
                    failure = failure ?? error
                    try await keep(note, after: error)
                }
            }
        } while try await goesOn()
        if let failure { throw failure }
    }

    /// What was noted of a month before it is computed. What is noted meanwhile, or by a transaction that is not over, has other ids.
    private struct Note {
        var agreement: UUID
        var month: String
        var ids: [Int64]
    }

    /// Notes the month again, as one note, and what kept it from being computed.
    private func keep(_ note: Note, after error: any Error) async throws {
        let reason = String(((error as? PostgresError)?.description ?? errorCode(error)).prefix(400))
        try await reliability.transaction { connection in
            try await connection.execute("DELETE FROM reliability.credit_recheck WHERE id = ANY(\(note.ids.dropLast().map(\.self))::bigint[])")
            try await connection.execute("UPDATE reliability.credit_recheck SET noted_at = clock_timestamp() WHERE id = \(note.ids.last)")
            try await connection.execute(
                """
                INSERT INTO reliability.credit_fault AS fault (agreement_id, month, reason) VALUES (\(note.agreement), \(note.month), \(reason))
                ON CONFLICT (agreement_id, month) DO UPDATE SET tried_at = clock_timestamp(), tries = fault.tries + 1, reason = EXCLUDED.reason
                """)
        }
    }

    /// Where leaves are missing yet, one provisional version is enough. What was noted while it was computed stays noted.
    private func issue(_ note: Note) async throws {
        let found = try await compute(note.agreement, month: note.month)
        try await reliability.transaction { connection in
            if let found, try await Self.isWanted(found, connection), let credit = try await Self.record(found, by: Self.actor, connection) {
                try await connection.execute(
                    "SELECT audit.append(\(Self.actor), 'compute', 'credit', \(credit.uuidString.lowercased()), NULL, \(found.arithmetic))")
            }
            try await connection.execute("DELETE FROM reliability.credit_recheck WHERE id = ANY(\(note.ids)::bigint[])")
            try await connection.execute("DELETE FROM reliability.credit_fault WHERE agreement_id = \(note.agreement) AND month = \(note.month)")
        }
    }

    private static func isWanted(_ found: CreditComputation, _ connection: PostgresConnection) async throws -> Bool {
        guard !found.roots.isComplete else { return true }
        return try await connection.query(
            "SELECT 1 FROM reliability.credit WHERE agreement_id = \(found.agreement.id) AND month = \(found.month) LIMIT 1"
        ).isEmpty
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
            of: agreement.subject, month: whole, rules: agreement.maintenance(terms), zone: terms.timeZone, codes: terms.exclusions)
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
                \(computation.status), \(Int64(computation.cents)), \(computation.arithmetic)::jsonb,
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
    ///
    /// - Parameter forgiven: Minutes of which every sample is taken to have been in time.
    func latency(
        of subject: MinuteSubject, in range: MinuteRange, threshold: Int64, leftOut: [MinuteRange], forgiven: MinuteRange = 0..<0
    ) async throws -> LatencyHours {
        let gaps = MinuteGaps.merged(leftOut, within: range)
        let isCounted = { (minute: Int64) in !gaps.contains { $0.contains(minute) } }
        let own = try await firstTokens(of: subject, in: range).filter { isCounted($0.minute) }
        let probes = try await probedFirstTokens(of: subject, in: range, threshold: threshold).filter { isCounted($0.minute) }
        let place = { (entry: (minute: Int64, counter: LatencyCounter)) in
            let isForgiven = forgiven.contains(entry.minute)
            return (
                minute: Int(entry.minute - range.lowerBound),
                counter: isForgiven ? LatencyCounter(samples: entry.counter.samples, over: 0) : entry.counter
            )
        }
        return LatencyHours(minutes: range.count, requests: own.map(place), probes: probes.map(place))
    }
}
