import Domain
import FoundationEssentials
import Postgres

/// What tenants are subscribed to: the active SKUs of their tiers in the regions that they allow, and what they have an agreement about.
struct EvidenceSubscriptions: Sendable {
    struct Place: Hashable, Sendable {
        let model: String
        let region: String
    }

    private(set) var places: [UUID: Set<Place>] = [:]

    static func read(serving: PostgresPool, reliability: PostgresPool) async throws -> EvidenceSubscriptions {
        let sold = try await serving.query(
            """
            SELECT tenant.id AS tenant_id, sku.model, sku.primary_region AS region FROM serving.tenants AS tenant
            JOIN serving.skus AS sku ON sku.tier = tenant.tier AND sku.state = 'active' AND sku.service_class = 'interactive'
            WHERE tenant.state <> 'deleted'
                AND (cardinality(tenant.allowed_regions) = 0 OR sku.primary_region = ANY (tenant.allowed_regions))
            """)
        let agreed = try await reliability.query("SELECT tenant_id, model, region FROM reliability.agreement WHERE state = 'active'")
        var subscriptions = EvidenceSubscriptions()
        for row in sold + agreed {
            let place = Place(model: try row.value("model"), region: try row.value("region"))
            subscriptions.places[try row.value("tenant_id"), default: []].insert(place)
        }
        return subscriptions
    }
}
