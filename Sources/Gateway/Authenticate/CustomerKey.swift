import HTTPWire
import PlimsollWire

/// One customer's key as the request path sees it. Made anew with each table; what must outlive a table is in `limits`.
final class CustomerKey: Sendable {
    let id: String
    let tenant: TenantEntry
    let tier: TierEntry
    /// Nil: every model of the tier.
    let models: Set<String>?
    /// Seconds since 1970.
    let expiresAt: Int64?
    let limits: KeyLimits
    /// The tenant's cache salt as a JSON string.
    let quotedSalt: [UInt8]

    init(entry: KeyEntry, tenant: TenantEntry, tier: TierEntry, limits: KeyLimits) {
        id = entry.id
        self.tenant = tenant
        self.tier = tier
        models = entry.models.map(Set.init)
        expiresAt = entry.expiresAtSeconds
        self.limits = limits
        quotedSalt = BodyEdit.quoted(tenant.cacheSalt)
    }

    func isValid(nowSeconds: Int64) -> Bool {
        tenant.active && expiresAt.map { nowSeconds < $0 } ?? true
    }

    func mayUse(_ model: ModelRoute) -> Bool {
        (models?.contains(model.entry.name) ?? true) && (model.tiers.isEmpty || model.tiers.contains(tier.name))
    }
}
