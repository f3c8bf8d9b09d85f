import Domain
import FoundationEssentials
import HTTPTypes
import Postgres

/// Holds changes that move traffic to the rule of canaries while budgets ask for caution. Shares are compared before and after, so that it does not
/// matter by which change somebody comes to more: by its own weight, by those of others, or because they go.
enum CanaryDesk {
    /// Makes a change of an owner, whom caution lets pass, and takes it back where it skips a canary.
    ///
    /// - Parameters:
    ///   - replaced: A release that is changed into another one while it serves.
    ///   - filled: Of a `pool`, that its weight is given for workers that are still to come, who have served nobody yet.
    static func guarding(
        _ change: FrozenChange, _ places: [FreezeScope], replaced: String? = nil, filled: SQL = "FALSE", _ call: AdminCall,
        _ connection: PostgresConnection,
        _ work: () async throws -> AdminChange
    ) async throws -> AdminChange {
        let (held, answer) = try await FreezeDesk.held(change, places, connection)
        guard answer.state == .caution, call.actor.role == .owner else { return try await work() }
        let before = try await subjects(change, held, connection)
        let done = try await work()
        let after = try await subjects(change, held, filled: filled, connection)
        // What is changed in place is another thing from now on, which has not served yet.
        let known = before.map { $0.name == replaced ? CanaryRule.Subject(group: $0.group, name: "", weight: $0.weight) : $0 }
        guard let first = CanaryRule.unproven(before: known, after: after).first else { return done }
        throw AdminRefusal.conflict(
            "canary",
            "\(answer.budget) is spent fast (\(answer.spent)): \(first.name) must first take more than nothing "
                + "and at most \(CanaryRule.mostPpm / 10_000) % of the traffic of \(first.group) for \(CanaryRule.leastSeconds / 60) minutes, without a "
                + "bad minute that it caused")
    }

    private static func subjects(
        _ change: FrozenChange, _ places: [FreezeScope], filled: SQL = "FALSE", _ connection: PostgresConnection
    ) async throws -> [CanaryRule.Subject] {
        let rows = try await connection.query(
            """
            SELECT standing.*, (SELECT coalesce(sum(entry.amount), 0)::bigint FROM reliability.budget_entry AS entry
                JOIN reliability.budget_subject AS subject ON subject.id = entry.subject_id
                WHERE entry.changed = ANY(standing.changes)
                    AND entry.minute_at > now() - make_interval(secs => standing.seconds)) AS bad
            FROM (\(change == .deployment ? releases(places.map(\.model)) : pools(places.map(\.region), filled))) AS standing
            """)
        return try rows.map { row in
            CanaryRule.Subject(
                group: try row.value("place"), name: try row.value("name"), weight: try row.value("weight"), seconds: try row.value("seconds"),
                badMinutes: try row.value("bad"))
        }
    }

    /// By their routing weights.
    private static func releases(_ models: [String?]) -> SQL {
        """
        SELECT release.model AS place, release.name, ARRAY['release ' || release.name] AS changes, coalesce(weight.weight_ppm, 1000000)::bigint AS weight,
            extract(epoch FROM now() - \(since("'release'", "release.name", or: "release.created_at")))::bigint AS seconds
        FROM serving.releases AS release
        LEFT JOIN serving.current_routing_weights AS weight ON weight.scope = 'release' AND weight.subject = release.name
        WHERE release.state = 'active' AND \(isAmong(models, "release.model"))
        """
    }

    /// By their weight, that of their provider, and those of their workers that are not drained. One that is filled is taken for as large as its region.
    private static func pools(_ regions: [String?], _ filled: SQL) -> SQL {
        let workers = { (places: SQL) -> SQL in
            """
            (SELECT coalesce(sum(workers.weight_ppm), 0)::bigint FROM serving.workers JOIN serving.hosts ON hosts.id = workers.host_id
                JOIN serving.pools AS place ON place.name = hosts.pool
                WHERE \(places) AND hosts.state = 'active' AND hosts.intent = 'serve' AND workers.accepted AND workers.retired_at IS NULL)
            """
        }
        let own = workers("place.name = pool.name")
        return """
            SELECT pool.region AS place, pool.name, ARRAY['pool ' || pool.name, 'provider ' || pool.provider] AS changes, coalesce(weight.weight_ppm, 1000000)::bigint * coalesce(seller.weight_ppm, 1000000) / 1000000
                    * CASE WHEN \(filled) AND \(own) = 0 THEN \(workers("place.region = pool.region")) ELSE \(own) END / 1000000 AS weight,
                extract(epoch FROM now() - greatest(\(since("'pool'", "pool.name", or: "pool.created_at")),
                    \(since("'provider'", "pool.provider", or: "pool.created_at"))))::bigint AS seconds
            FROM serving.pools AS pool JOIN serving.providers AS provider ON provider.name = pool.provider AND provider.state = 'active'
            LEFT JOIN serving.current_routing_weights AS weight ON weight.scope = 'pool' AND weight.subject = pool.name
            LEFT JOIN serving.current_routing_weights AS seller ON seller.scope = 'provider' AND seller.subject = pool.provider
            WHERE pool.state = 'active' AND \(isAmong(regions, "pool.region"))
            """
    }

    /// Nil is any.
    private static func isAmong(_ names: [String?], _ column: SQL) -> SQL {
        names.contains(nil) ? "TRUE" : "\(column) = ANY(\(names.compactMap(\.self))::text[])"
    }

    private static func since(_ kind: SQL, _ subject: SQL, or created: SQL) -> SQL {
        """
        coalesce((SELECT max(given.created_at) FROM serving.routing_weights AS given WHERE given.scope = \(kind) AND given.subject = \(subject)), \(created))
        """
    }
}

extension AdminResource {
    /// Updates of pools and providers, held to the rule of canaries where their workers are.
    var guardedUpdate: AdminRoute {
        .change(.patch, "\(path)/{id}") { call, fields, connection in
            guard case .change(let work) = update.work else { preconditionFailure("an update is a change") }
            if isFree(fields) { return try await work(call, &fields, connection) }
            let id = try await locked(call.reference, connection)
            let row = try await connection.queryOne("SELECT name FROM \(table) WHERE id = \(id)")
            let places = try await SupplyChange.places(of: kind, try row?.value("name", as: String.self) ?? "", connection)
            var reader = fields
            let done = try await CanaryDesk.guarding(.providerSwap, places, call, connection) { try await work(call, &reader, connection) }
            fields = reader
            return done
        }
    }
}
