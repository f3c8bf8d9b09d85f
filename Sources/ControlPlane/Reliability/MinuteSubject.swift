package import FoundationEssentials
import Postgres

/// Whose minutes: those of a tenant, or those of all tenants together, of one model in one region.
package struct MinuteSubject: Sendable, Hashable {
    /// Nil: the service, all tenants.
    package var tenant: UUID?
    /// Of the service, only tenants of this tier; nil: all. A tenant's minutes are its own whatever its tier is.
    package var tier: String?
    package var model: String
    package var region: String

    package init(tenant: UUID, model: String, region: String) {
        self.tenant = tenant
        self.model = model
        self.region = region
    }

    package init(tier: String? = nil, model: String, region: String) {
        self.tier = tier
        self.model = model
        self.region = region
    }
}

/// Minutes since 1970, [first, next).
package typealias MinuteRange = Range<Int64>

extension MinuteSubject {
    /// `minute_at`, counters and latency of each minute with traffic in the range, one row a minute.
    func traffic(_ range: MinuteRange) -> SQL {
        let time: SQL = "minute_at >= \(SQL.minute(range.lowerBound)) AND minute_at < \(SQL.minute(range.upperBound))"
        if let tenant {
            return """
                SELECT minute_at, good, bad, excluded, server_errors, shed, over_quota, first_token_samples, first_token_over
                FROM reliability.minute_total WHERE tenant_id = \(tenant) AND model = \(model) AND region = \(region) AND \(time)
                """
        }
        if let tier {
            return """
                SELECT minute_at, good, bad, excluded, server_errors, shed, over_quota, first_token_samples, first_token_over
                FROM reliability.service_minute WHERE model = \(model) AND region = \(region) AND tier = \(tier) AND \(time)
                """
        }
        return """
            SELECT minute_at, sum(good)::bigint AS good, sum(bad)::bigint AS bad, sum(excluded)::bigint AS excluded,
                sum(server_errors)::bigint AS server_errors, sum(shed)::bigint AS shed, sum(over_quota)::bigint AS over_quota,
                sum(first_token_samples)::bigint AS first_token_samples, sum(first_token_over)::bigint AS first_token_over
            FROM reliability.service_minute WHERE model = \(model) AND region = \(region) AND \(time) GROUP BY minute_at
            """
    }

    func probes(_ range: MinuteRange) -> SQL {
        """
        SELECT minute_at, successes, failures FROM reliability.probe_minute WHERE model = \(model) AND region = \(region)
            AND minute_at >= \(SQL.minute(range.lowerBound)) AND minute_at < \(SQL.minute(range.upperBound))
        """
    }
}

extension SQL {
    /// The instant at which a minute since 1970 begins.
    static func minute(_ minute: Int64) -> SQL { "to_timestamp(\(minute * 60)::bigint)" }
}
