import Domain
package import FoundationEssentials
package import Logging
import Postgres
import ServiceLifecycle
package import Telemetry

/// Keeps the evidence by the clock: leaves of closed minutes, the public log of their roots, a signed checkpoint each hour. One replica at a time: the
/// holder of a lease. Each step is a transaction of its own, so what was not done is done when it is back, and nothing twice.
package struct EvidenceKeeper: Service {
    /// Minutes that are appended together, so that a day's row is not written anew each minute.
    private static let stride: Int64 = 5
    /// Tenants whose trees grow at once, each on a connection: half of the room's, so that others have theirs.
    private static let closers = 2

    private let serving: PostgresPool
    private let reliability: PostgresPool
    private let signer: EvidenceSigner?
    private let lease: Lease
    private let now: @Sendable () -> Date
    private let leaves: GaugeMetric
    private let behind: GaugeMetric
    private let signed: GaugeMetric
    private let failing: GaugeMetric
    private let logger: Logger

    /// - Parameter signer: Nil: the log grows, but nothing is signed.
    package init(
        databases: ControlDatabases, signer: EvidenceSigner?, holder: UUID, now: @escaping @Sendable () -> Date = { Date() },
        metrics: MetricRegistry, logger: Logger
    ) {
        serving = databases.serving
        reliability = databases.reliability
        self.signer = signer
        lease = Lease("evidence", holder: holder, seconds: 60)
        self.now = now
        leaves = metrics.gauge("plimsoll_control_evidence_log_leaves", "Leaves of the public log of evidence.")
        behind = metrics.gauge("plimsoll_control_evidence_behind_seconds", "Closed minutes without a leaf, of the tenant that is furthest behind.")
        signed = metrics.gauge("plimsoll_control_evidence_checkpoint_seconds", "When the head of the public log was signed last, seconds since 1970.")
        failing = metrics.gauge("plimsoll_control_evidence_failing", "Tenants whose evidence stands still by a fault in what is stored of them.")
        self.logger = logger
    }

    package func run() async throws {
        await Turns("Evidence is delayed", logger: logger).run(every: .seconds(20), under: lease, serving) { try await turn() }
    }

    /// Everything that is due now. What cannot be read of one tenant keeps nobody else's evidence, nor the signature, waiting.
    package func turn() async throws {
        var faults = try await closeTrees()
        faults += try await BareTrees(pool: reliability).plant()
        faults += try await LateEvidence(pool: reliability).correct(without: faults.map(\.tenant))
        faults += try await CreditEvidence.note(reliability)
        tell(faults)
        let log = PublicLog(pool: reliability)
        try await log.append()
        try await sign(log)
        try await measure()
    }

    /// The first ten by name.
    private func tell(_ faults: [EvidenceFault]) {
        let codes = Dictionary(faults.map { ($0.tenant.lowercased, $0.code) }, uniquingKeysWith: { first, _ in first })
        failing.set(Double(codes.count))
        for (tenant, code) in codes.sorted(by: { $0.key < $1.key }).prefix(10) {
            logger.error(
                "Evidence of a tenant stands still",
                metadata: [LogKeys.tenant: "\(tenant)", LogKeys.code: "\(code)", LogKeys.count: "\(codes.count)"])
        }
    }

    /// Minutes before this one are closed: no report changes them without being noted as late.
    private func closedUntil() async throws -> Int64? {
        let row = try await reliability.queryOne("SELECT extract(epoch FROM closed_until)::bigint / 60 AS minute FROM reliability.minute_progress")
        return try row?.value("minute")
    }

    private func closeTrees() async throws -> [EvidenceFault] {
        guard let limit = try await closedUntil() else { return [] }
        let minute = Int64(now().timeIntervalSince1970) / 60
        let wanted = try await EvidenceSubscriptions.read(serving: serving, reliability: reliability, now: minute)
        let closer = TreeCloser(pool: reliability)
        var waiting = try await tenants(wanted, until: limit).makeIterator()
        return try await withThrowingTaskGroup(of: EvidenceFault?.self) { group in
            func next() {
                guard let tenant = waiting.next() else { return }
                group.addTask {
                    try await EvidenceFault.caught(tenant) {
                        try await closer.close(tenant, wanted: wanted.places[tenant] ?? [:], until: limit, now: minute)
                    }
                }
            }
            for _ in 0..<Self.closers { next() }
            var faults: [EvidenceFault] = []
            while let fault = try await group.next() {
                faults += fault.map { [$0] } ?? []
                // A long absence must not end the lease.
                guard try await lease.acquire(serving) != nil else {
                    group.cancelAll()
                    return faults
                }
                next()
            }
            return faults
        }
    }

    /// Tenants with something to close: whose tree is behind by a stride or by the end of its day, or that have none yet.
    private func tenants(_ wanted: EvidenceSubscriptions, until limit: Int64) async throws -> [UUID] {
        let subscribed = Array(wanted.places.keys)
        let rows = try await reliability.query(
            """
            SELECT DISTINCT candidate.id FROM (
                SELECT unnest(\(subscribed)::uuid[]) AS id
                UNION SELECT tenant_id FROM reliability.evidence_series WHERE until_at IS NULL
                UNION SELECT tenant_id FROM reliability.minute_total WHERE minute_at >= \(EvidenceTime.minute(limit - 1440))
                    AND minute_at < \(EvidenceTime.minute(limit))
                UNION SELECT tenant_id FROM reliability.evidence_tree WHERE next_at < (month + interval '1 month') AT TIME ZONE 'UTC'
                UNION SELECT tenant_id FROM reliability.evidence_late
            ) AS candidate LEFT JOIN LATERAL (
                SELECT next_at FROM reliability.evidence_tree WHERE tenant_id = candidate.id ORDER BY month DESC LIMIT 1) AS tree ON TRUE
            WHERE tree.next_at IS NULL OR tree.next_at <= \(EvidenceTime.minute(limit - Self.stride))
                OR tree.next_at < date_trunc('day', \(EvidenceTime.minute(limit)), 'UTC')
            ORDER BY candidate.id
            """)
        return try rows.map { try $0.value("id") }
    }

    private func sign(_ log: PublicLog) async throws {
        guard let signer else { return }
        let hour = Int64(now().timeIntervalSince1970) / 3600
        let row = try await reliability.queryOne(
            "SELECT 1 AS signed FROM reliability.evidence_checkpoint WHERE hour_at = to_timestamp(\(hour * 3600)::bigint)")
        if row == nil { try await log.sign(signer, hour: hour) }
    }

    private func measure() async throws {
        let row = try await reliability.queryOne(
            """
            SELECT (SELECT size FROM reliability.evidence_log_end) AS size,
                (SELECT extract(epoch FROM max(hour_at))::bigint FROM reliability.evidence_checkpoint) AS signed,
                (SELECT extract(epoch FROM max(progress.closed_until - tree.next_at))::bigint
                    FROM reliability.minute_progress AS progress, reliability.evidence_tree AS tree
                    WHERE tree.next_at < (tree.month + interval '1 month') AT TIME ZONE 'UTC') AS behind
            """)
        leaves.set(Double(try row?.value("size", as: Int.self) ?? 0))
        signed.set(Double(try row?.value("signed", as: Int64?.self) ?? 0))
        behind.set(Double(max(0, try row?.value("behind", as: Int64?.self) ?? 0)))
    }
}
