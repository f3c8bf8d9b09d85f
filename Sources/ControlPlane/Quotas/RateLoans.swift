import Domain
package import FoundationEssentials
package import PlimsollWire
package import Postgres

/// Takes promises of gateways that need less than their part of the limits of a minute, and lends what they leave to those that need more.
package struct RateLoans: Sendable {
    package static let maximumReports = 1_000
    /// Seconds that a promise and a loan last. A loan is made only out of promises that end later.
    static let promise = 20
    static let loan = 10
    private static let sought = 15

    private let pool: PostgresPool

    /// - Parameter pool: Of the serving room.
    package init(pool: PostgresPool) {
        self.pool = pool
    }

    /// Everything about one holder, under its lock.
    private struct Standing {
        var limit: RateParts?
        var promises: [Int: RateParts] = [:]
        var loans: [RateParts] = []
        /// What this gateway itself has promised and is still bound by.
        var ownPromise: RateParts?
        /// What it has been lent and may still use, and for how many milliseconds.
        var ownLoan: (parts: RateParts, milliseconds: Int)?
    }

    package func exchange(_ reports: [RateReport], from gateway: UUID) async throws -> [RateGrant] {
        guard reports.count <= Self.maximumReports else { throw PeerRefusal(.tooLarge, "at most 1,000 reports at once") }
        guard reports.allSatisfy(\.isSound) else { throw PeerRefusal(.invalidRequest, "a rate report is out of range") }
        let named = Dictionary(reports.map { ($0.holder, $0) }, uniquingKeysWith: { _, last in last })
        return try await pool.transaction(.repeatable) { connection in
            let gateways = try await gateways(connection)
            let standings = try await lock(named.keys.sorted(), gateways, own: gateway, connection)
            var grants: [RateGrant] = []
            for (holder, report) in named.sorted(by: { $0.key < $1.key }) {
                guard let standing = standings[holder], let limit = standing.limit, let rank = gateways.firstIndex(of: gateway) else { continue }
                if let promised = report.promised {
                    let part = limit.part(rank, of: gateways.count)
                    try await keep(RateParts(promised).least(standing.ownPromise ?? part), holder, gateway, connection)
                } else if report.isShort {
                    // Of a tenant that is throttled less is left than was agreed, and gateways have parts of that.
                    let left = limit.least(RateParts(requests: report.requests, tokens: report.tokens, concurrent: report.concurrent))
                    let parts = gateways.indices.map { left.part($0, of: gateways.count) }
                    grants.append(try await lend(report, standing, parts, rank, gateway, connection))
                }
            }
            return try await grants + others(except: named, connection)
        }
    }

    /// As they stand in the routing table, in the order in which gateways count themselves.
    private func gateways(_ connection: PostgresConnection) async throws -> [UUID] {
        let rows = try await connection.query(
            "SELECT id FROM serving.gateways WHERE state = 'active' AND certificate_not_after > now() ORDER BY id::text COLLATE \"C\"")
        return try rows.map { try $0.value("id") }
    }

    private func lock(
        _ holders: [String], _ gateways: [UUID], own: UUID, _ connection: PostgresConnection
    ) async throws -> [String: Standing] {
        guard !holders.isEmpty else { return [:] }
        let answers = try await connection.pipeline([
            "INSERT INTO serving.rate_holders (holder) SELECT * FROM unnest(\(holders)::text[]) ORDER BY 1 ON CONFLICT DO NOTHING",
            "SELECT 1 FROM serving.rate_holders WHERE holder = ANY (\(holders)::text[]) ORDER BY holder FOR UPDATE",
            """
            SELECT holder, requests_per_minute, tokens_per_minute, concurrent_requests FROM serving.rate_limits
            WHERE holder = ANY (\(holders)::text[])
            """,
            """
            SELECT holder, gateway_id, kind, requests, tokens, concurrent,
                expires_at > now() + make_interval(secs => \(Self.loan + 1)) AS outlasts,
                (extract(epoch FROM expires_at - now()) * 1000)::integer AS milliseconds
            FROM serving.rate_shares WHERE holder = ANY (\(holders)::text[]) AND expires_at > now()
            """,
        ])
        var standings: [String: Standing] = [:]
        for row in answers[2] {
            standings[try row.value("holder"), default: Standing()].limit = RateParts(
                requests: try row.value("requests_per_minute"), tokens: try row.value("tokens_per_minute"),
                concurrent: try row.value("concurrent_requests"))
        }
        for row in answers[3] {
            let (holder, gateway): (String, UUID) = (try row.value("holder"), try row.value("gateway_id"))
            let parts = RateParts(requests: try row.value("requests"), tokens: try row.value("tokens"), concurrent: try row.value("concurrent"))
            if try row.value("kind", as: String.self) == "loan" {
                if gateway != own {
                    standings[holder, default: Standing()].loans.append(parts)
                } else {
                    standings[holder, default: Standing()].ownLoan = (parts, try row.value("milliseconds"))
                }
            } else if gateway == own {
                standings[holder, default: Standing()].ownPromise = parts
            } else if try row.value("outlasts"), let place = gateways.firstIndex(of: gateway) {
                standings[holder, default: Standing()].promises[place] = parts
            }
        }
        return standings
    }

    private func keep(_ share: RateParts, _ holder: String, _ gateway: UUID, _ connection: PostgresConnection) async throws {
        try await store(share, "promise", seconds: Self.promise, holder, gateway, connection)
    }

    private func lend(
        _ report: RateReport, _ standing: Standing, _ parts: [RateParts], _ rank: Int, _ gateway: UUID, _ connection: PostgresConnection
    ) async throws -> RateGrant {
        var (extra, milliseconds) = (RateParts.none, Self.loan * 1000)
        // Who is bound by a promise waits until it ends.
        if standing.ownPromise == nil {
            let asked = RateParts(requests: report.requests, tokens: report.tokens, concurrent: report.concurrent) - parts[rank]
            extra = RateLending.free(parts: parts, promises: standing.promises, loans: standing.loans).least(asked)
            if let old = standing.ownLoan, extra.least(old.parts) != old.parts {
                // It may still use what it was lent before, also if it never hears of less.
                (extra, milliseconds) = old
            } else {
                try await store(extra, "loan", seconds: Self.loan, report.holder, gateway, connection)
            }
        }
        try await seek(report, connection)
        return RateGrant(
            holder: report.holder, extra: RateShare(requests: extra.requests, tokens: extra.tokens, concurrent: extra.concurrent),
            milliseconds: milliseconds, isSought: false)
    }

    private func seek(_ report: RateReport, _ connection: PostgresConnection) async throws {
        let needed = report.needed ?? RateShare(requests: 0, tokens: 0, concurrent: 0)
        try await connection.execute(
            """
            UPDATE serving.rate_holders SET sought_until = now() + make_interval(secs => \(Self.sought)),
                needed_requests = greatest(CASE WHEN needed_until > now() THEN needed_requests END, \(needed.requests)),
                needed_tokens = greatest(CASE WHEN needed_until > now() THEN needed_tokens END, \(needed.tokens)),
                needed_concurrent = greatest(CASE WHEN needed_until > now() THEN needed_concurrent END, \(needed.concurrent)),
                needed_until = CASE WHEN \(report.needed != nil) THEN now() + make_interval(secs => \(Self.sought)) ELSE needed_until END
            WHERE holder = \(report.holder)
            """)
    }

    private func store(
        _ parts: RateParts, _ kind: String, seconds: Int, _ holder: String, _ gateway: UUID, _ connection: PostgresConnection
    ) async throws {
        try await connection.execute(
            """
            INSERT INTO serving.rate_shares AS share (holder, gateway_id, kind, requests, tokens, concurrent, expires_at)
            VALUES (\(holder), \(gateway), \(kind), \(parts.requests), \(parts.tokens), \(parts.concurrent),
                now() + make_interval(secs => \(seconds)))
            ON CONFLICT (holder, gateway_id) DO UPDATE SET kind = EXCLUDED.kind, requests = EXCLUDED.requests, tokens = EXCLUDED.tokens,
                concurrent = EXCLUDED.concurrent, expires_at = greatest(EXCLUDED.expires_at,
                    CASE WHEN share.kind = EXCLUDED.kind THEN share.expires_at END)
            """)
    }

    /// Holders that somebody is short of, so that whoever needs less may promise it.
    private func others(except named: [String: RateReport], _ connection: PostgresConnection) async throws -> [RateGrant] {
        let rows = try await connection.query(
            """
            SELECT holder, needed_until > now() AS is_needed, needed_requests, needed_tokens, needed_concurrent
            FROM serving.rate_holders WHERE sought_until > now() ORDER BY holder LIMIT 1000
            """)
        return try rows.compactMap { row in
            let holder: String = try row.value("holder")
            guard named[holder]?.isShort != true else { return nil }
            let needed = RateShare(
                requests: try row.value("needed_requests"), tokens: try row.value("needed_tokens"), concurrent: try row.value("needed_concurrent"))
            return RateGrant(
                holder: holder, extra: RateShare(requests: 0, tokens: 0, concurrent: 0), milliseconds: 0, isSought: true,
                needed: try row.value("is_needed") ? needed : nil)
        }
    }
}

extension RateReport {
    private var needs: [Int] { needed.map { [$0.requests, $0.tokens, $0.concurrent] } ?? [] }

    fileprivate var isSound: Bool {
        let amounts = [requests, tokens, concurrent, promised?.requests ?? 0, promised?.tokens ?? 0, promised?.concurrent ?? 0] + needs
        return amounts.allSatisfy { (0...2_000_000_000).contains($0) } && QuotaLeases.isHolder(holder)
    }
}

extension RateParts {
    fileprivate init(_ share: RateShare) {
        self.init(requests: share.requests, tokens: share.tokens, concurrent: share.concurrent)
    }
}
