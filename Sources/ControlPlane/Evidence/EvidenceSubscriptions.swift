import Domain
import FoundationEssentials
import Postgres

/// What tenants are subscribed to: the active SKUs of their tiers in the regions that they allow, and what they have an agreement about.
struct EvidenceSubscriptions: Sendable {
    struct Place: Hashable, Sendable {
        let model: String
        let region: String
    }

    /// Minutes from which on agreements are about places.
    typealias Places = [Place: Int64?]

    /// The least minute that an agreement which is in force is about; nil for what is subscribed by a SKU alone, from whenever that is seen.
    private(set) var places: [UUID: Places] = [:]

    /// - Parameter now: The present minute. What was ended with notice is promised until then.
    static func read(serving: PostgresPool, reliability: PostgresPool, now: Int64) async throws -> EvidenceSubscriptions {
        let sold = try await serving.query(
            """
            SELECT tenant.id AS tenant_id, sku.model, sku.primary_region AS region FROM serving.tenants AS tenant
            JOIN serving.skus AS sku ON sku.tier = tenant.tier AND sku.state = 'active' AND sku.service_class = 'interactive'
            WHERE tenant.state <> 'deleted'
                AND (cardinality(tenant.allowed_regions) = 0 OR sku.primary_region = ANY (tenant.allowed_regions))
            """)
        let agreed = try await reliability.query(
            """
            SELECT tenant_id, model, region, extract(epoch FROM min(starts_at))::bigint / 60 AS since FROM reliability.agreement
            WHERE state = 'active' OR state = 'ended' AND ends_at > \(EvidenceTime.minute(now)) GROUP BY tenant_id, model, region
            """)
        var subscriptions = EvidenceSubscriptions()
        for row in sold {
            let place = Place(model: try row.value("model"), region: try row.value("region"))
            subscriptions.places[try row.value("tenant_id"), default: [:]].updateValue(nil, forKey: place)
        }
        for row in agreed {
            let place = Place(model: try row.value("model"), region: try row.value("region"))
            subscriptions.places[try row.value("tenant_id"), default: [:]].updateValue(try row.value("since", as: Int64.self), forKey: place)
        }
        return subscriptions
    }
}
