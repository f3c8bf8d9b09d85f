import Domain
import FoundationEssentials
import Postgres

extension MitigationTarget {
    /// Columns that `init` reads.
    static let columns: SQL =
        "action, tier, model, region, provider, worker_id, pool, release, tenant_id, to_model, to_region, value"

    /// Nil for an action of a later release.
    init?(_ row: PostgresRow) throws {
        guard let action = MitigationAction(rawValue: try row.value("action")) else { return nil }
        self.init(
            action, tier: try row.value("tier"), model: try row.value("model"), region: try row.value("region"),
            provider: try row.value("provider"), worker: try row.value("worker_id", as: UUID?.self)?.lowercased, pool: try row.value("pool"),
            release: try row.value("release"), tenant: try row.value("tenant_id", as: UUID?.self)?.lowercased,
            toModel: try row.value("to_model"), toRegion: try row.value("to_region"), value: try row.value("value"))
    }

    /// Values of `columns`.
    var values: SQL {
        """
        \(action.rawValue), \(tier), \(model), \(region), \(provider), \(worker.flatMap { UUID(uuidString: $0) }), \(pool), \(release),
        \(tenant.flatMap { UUID(uuidString: $0) }), \(toModel), \(toRegion), \(value)
        """
    }

    /// For timelines of operators.
    var text: String {
        let parts: [(String, String?)] = [
            ("tier", tier), ("model", model), ("region", region), ("provider", provider), ("worker", worker), ("pool", pool), ("release", release),
            ("tenant", tenant), ("to model", toModel), ("to region", toRegion), ("value", value.map { "\($0)" }),
        ]
        let words = parts.compactMap { name, value in value.map { "\(name) \($0)" } }
        return ([action.rawValue.replacing("_", with: " ")] + words).joined(separator: ", ")
    }

    func text(with order: WorkerOrder?) -> String { order.map { "\(text); \($0.text)" } ?? text }
}

extension MitigationCost {
    static let columns: SQL =
        "cost_micro_usd_per_hour, refused_requests_per_hour, lessened_requests_per_hour, shortened_tokens_per_hour"

    /// Values of `columns`.
    var values: SQL { "\(microUsd), \(refusedRequests), \(lessenedRequests), \(shortenedTokens)" }

    /// Members of a JSON object, as mitigations have them.
    var members: String {
        """
        "cost_micro_usd_per_hour":\(microUsd.map { "\($0)" } ?? "null"),"refused_requests_per_hour":\(refusedRequests),\
        "lessened_requests_per_hour":\(lessenedRequests),"shortened_tokens_per_hour":\(shortenedTokens)
        """
    }
}
