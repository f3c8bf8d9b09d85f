import Domain
package import FoundationEssentials
package import PlimsollWire
package import Postgres

/// Leases slices of quotas to gateways. Who exchanges about a quota has its row locked, so that two gateways never get the same unit.
package struct QuotaLeases: Sendable {
    package static let maximumReports = 1_000
    /// A budget of which there was too little is sought for so long.
    private static let soughtSeconds = 10

    private let pool: PostgresPool

    /// - Parameter pool: Of the serving room.
    package init(pool: PostgresPool) {
        self.pool = pool
    }

    struct Name: Hashable, Comparable {
        var holder: String
        var kind: String
        var period: Int64

        static func < (left: Name, right: Name) -> Bool { (left.holder, left.kind, left.period) < (right.holder, right.kind, right.period) }
    }

    /// What is known of one quota under its lock.
    private struct Budget {
        /// Nil: nothing was agreed, or its holder is gone.
        var limit: Int64?
        var seconds: Int64 = 60
        var own: (lease: QuotaLease, boot: String, sequence: Int64)?
        /// What other gateways hold and have spent.
        var others: Int64 = 0
        var elsewhere: Int64 = 0
    }

    package func exchange(_ request: LeaseRequest, from gateway: UUID) async throws -> LeaseAnswer {
        guard request.reports.count <= Self.maximumReports else { throw PeerRefusal(.tooLarge, "at most 1,000 reports at once") }
        guard (1...64).contains(request.boot.unicodeScalars.count) else { throw PeerRefusal(.invalidRequest, "boot is missing or too long") }
        let reports = try Self.named(request.reports)
        return try await pool.transaction(.repeatable) { connection in
            let budgets = try await lock(Array(reports.keys).sorted(), for: gateway, connection)
            let gateways = try await connection.queryOne("SELECT count(*) AS n FROM serving.gateways WHERE state = 'active'")
            let count: Int = try gateways?.value("n") ?? 1
            var grants: [LeaseGrant] = []
            for (name, report) in reports.sorted(by: { $0.key < $1.key }) {
                guard let budget = budgets[name] else { continue }
                grants.append(Self.grant(name, report, budget, request, gateways: count))
            }
            try await store(grants, request, gateway, connection)
            return try await answer(grants, gateway, connection)
        }
    }

    private static func named(_ reports: [LeaseReport]) throws -> [Name: LeaseReport] {
        var named: [Name: LeaseReport] = [:]
        for report in reports {
            guard QuotaKind(rawValue: report.kind) != nil, isHolder(report.holder), (0...10_000_000).contains(report.period) else {
                throw PeerRefusal(.invalidRequest, "a report names no quota")
            }
            let amounts = [report.granted, report.spent, report.need, report.enough ?? 0]
            guard amounts.allSatisfy({ (0...(1 << 61)).contains($0) }) else { throw PeerRefusal(.invalidRequest, "an amount is out of range") }
            named[Name(holder: report.holder, kind: report.kind, period: report.period)] = report
        }
        return named
    }

    static func isHolder(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count == 2 && (parts[0] == "tenant" || parts[0] == "key") && UUID(uuidString: String(parts[1])) != nil
            && parts[1].lowercased() == parts[1]
    }

    /// Locks in one order, so that exchanges wait for each other and never in a circle.
    private func lock(_ names: [Name], for gateway: UUID, _ connection: PostgresConnection) async throws -> [Name: Budget] {
        guard !names.isEmpty else { return [:] }
        let list: SQL = """
            unnest(\(names.map(\.holder))::text[], \(names.map(\.kind))::text[], \(names.map(\.period))::bigint[]) AS name (holder, kind, period)
            """
        let answers = try await connection.pipeline([
            "INSERT INTO serving.quota_budgets (holder, kind, period) SELECT * FROM \(list) ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING",
            "SELECT 1 FROM serving.quota_budgets JOIN \(list) USING (holder, kind, period) ORDER BY holder, kind, period FOR UPDATE OF quota_budgets",
            "SELECT holder, kind, name.period, amount, lease_seconds FROM serving.quota_limits JOIN \(list) USING (holder, kind)",
            """
            SELECT holder, kind, period, lease.gateway_id = \(gateway) AS is_own, lease.granted, lease.spent, lease.state = 'open' AS is_open,
                lease.boot_id, lease.sequence
            FROM serving.quota_leases AS lease JOIN \(list) USING (holder, kind, period)
            """,
        ])
        var budgets = Dictionary(names.map { ($0, Budget()) }, uniquingKeysWith: { first, _ in first })
        for row in answers[2] {
            let name = try Self.name(row)
            budgets[name]?.limit = try row.value("amount", as: Int64?.self)
            budgets[name]?.seconds = try row.value("lease_seconds")
        }
        for row in answers[3] {
            let lease = QuotaLease(granted: try row.value("granted"), spent: try row.value("spent"), isOpen: try row.value("is_open"))
            let name = try Self.name(row)
            if try row.value("is_own") {
                budgets[name]?.own = (lease, try row.value("boot_id"), try row.value("sequence"))
            } else {
                budgets[name]?.others += lease.hold
                budgets[name]?.elsewhere += lease.spent
            }
        }
        return budgets
    }

    private static func name(_ row: PostgresRow) throws -> Name {
        Name(holder: try row.value("holder"), kind: try row.value("kind"), period: try row.value("period"))
    }

    private static func grant(
        _ name: Name, _ report: LeaseReport, _ budget: Budget, _ request: LeaseRequest, gateways: Int
    ) -> LeaseGrant {
        var lease = budget.own?.lease ?? QuotaLease()
        var isExhausted = false
        // One that was overtaken by a later one of the same process says nothing new.
        let isLate = budget.own.map { $0.boot == request.boot && $0.sequence >= request.sequence } ?? false
        if !isLate {
            let told = QuotaLease.Report(granted: report.granted, spent: report.spent, need: report.need, enough: report.enough)
            isExhausted = lease.take(told, limit: budget.limit ?? 0, others: budget.others, gateways: gateways)
        }
        return LeaseGrant(
            holder: name.holder, kind: name.kind, period: name.period, granted: lease.granted, spent: lease.spent, elsewhere: budget.elsewhere,
            seconds: budget.seconds, isExhausted: isExhausted)
    }

    private func store(_ grants: [LeaseGrant], _ request: LeaseRequest, _ gateway: UUID, _ connection: PostgresConnection) async throws {
        guard !grants.isEmpty else { return }
        let short = grants.filter(\.isExhausted)
        _ = try await connection.pipeline([
            """
            INSERT INTO serving.quota_leases AS lease (holder, kind, period, gateway_id, boot_id, sequence, granted, spent, expires_at)
            SELECT row.holder, row.kind, row.period, \(gateway), \(request.boot), \(request.sequence), row.granted, row.spent,
                now() + make_interval(secs => row.seconds)
            FROM unnest(\(grants.map(\.holder))::text[], \(grants.map(\.kind))::text[], \(grants.map(\.period))::bigint[],
                \(grants.map(\.granted))::bigint[], \(grants.map(\.spent))::bigint[], \(grants.map(\.seconds))::bigint[])
                AS row (holder, kind, period, granted, spent, seconds)
            ON CONFLICT (holder, kind, period, gateway_id) DO UPDATE SET
                boot_id = EXCLUDED.boot_id, sequence = EXCLUDED.sequence, granted = EXCLUDED.granted, spent = EXCLUDED.spent, state = 'open',
                expires_at = EXCLUDED.expires_at, updated_at = now()
            WHERE lease.boot_id <> EXCLUDED.boot_id OR lease.sequence < EXCLUDED.sequence
            """,
            """
            UPDATE serving.quota_budgets AS budget SET sought_until = now() + make_interval(secs => \(Self.soughtSeconds))
            FROM unnest(\(short.map(\.holder))::text[], \(short.map(\.kind))::text[], \(short.map(\.period))::bigint[])
                AS name (holder, kind, period)
            WHERE (budget.holder, budget.kind, budget.period) = (name.holder, name.kind, name.period)
            """,
        ])
    }

    private func answer(_ grants: [LeaseGrant], _ gateway: UUID, _ connection: PostgresConnection) async throws -> LeaseAnswer {
        let answers = try await connection.pipeline([
            "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now",
            """
            SELECT holder, kind, period FROM serving.quota_leases AS lease JOIN serving.quota_budgets AS budget USING (holder, kind, period)
            WHERE lease.gateway_id = \(gateway) AND lease.state = 'open' AND lease.granted > lease.spent AND budget.sought_until > now()
            LIMIT 1000
            """,
        ])
        let sought = try answers[1].map { row in
            let name = try Self.name(row)
            return SoughtQuota(holder: name.holder, kind: name.kind, period: name.period)
        }
        return LeaseAnswer(now: try answers[0].first?.value("now") ?? 0, grants: grants, sought: sought)
    }
}
