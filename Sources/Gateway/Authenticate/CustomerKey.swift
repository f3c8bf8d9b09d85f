import Cryptography
import Domain
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
    /// How its requests wait.
    let standing: TierStanding
    /// Where its requests may go.
    let rules: RouteRules
    /// Makes prefixes known again by this tenant only, and is its mark where what it holds is counted.
    let affinitySalt: UInt64
    /// As it stands in the table.
    let entry: KeyEntry
    /// Plans that allow more than this key's.
    let offers: PlanOffers
    /// The tenant's cache salt as a JSON string.
    let quotedSalt: [UInt8]
    /// Nil: nobody asked for any.
    let contentRules: CustomerRules?
    /// Nil: from everywhere.
    let addresses: CustomerAddresses?
    /// Nil: nothing is kept.
    let captures: CustomerCaptures?
    /// Nil: nothing is masked.
    let masking: Masking?
    /// What mitigations ask of its requests; nil: nothing.
    let relief: TierRelief?
    /// Under which its requests may be served; nil: under none, or it is no customer's.
    let fallbacks: TierFallbacks?
    let use = KeyUseMark()

    init(
        entry: KeyEntry, tenant: TenantEntry, tier: TierEntry, limits: KeyLimits, standing: TierStanding, offers: PlanOffers,
        contentRules: CustomerRules? = nil,
        addresses: CustomerAddresses? = nil, captures: CustomerCaptures? = nil, relief: TierRelief? = nil, preference: RoutePreference? = nil,
        fallbacks: TierFallbacks? = nil
    ) {
        id = entry.id
        self.tenant = tenant
        self.tier = tier
        models = entry.models.map(Set.init)
        expiresAt = entry.expiresAtSeconds
        self.limits = limits
        self.standing = standing
        rules = RouteRules(tenant, entry, preference, isPaid: tier.queue?.isProtected ?? false)
        self.relief = relief
        self.fallbacks = entry.purpose == nil ? fallbacks : nil
        affinitySalt = CustomerKey.salt(tenant)
        self.entry = entry
        self.offers = offers
        quotedSalt = BodyEdit.quoted(tenant.cacheSalt)
        self.contentRules = contentRules
        self.addresses = addresses
        self.captures = captures
        masking = CustomerKey.masking(entry, tenant)
    }

    static func masking(_ key: KeyEntry, _ tenant: TenantEntry) -> Masking? {
        Masking(key.masking ?? tenant.masking)
    }

    /// The same at every gateway, and known to no tenant.
    private static func salt(_ tenant: TenantEntry) -> UInt64 {
        Hash.sha256("affinity/\(tenant.id)/\(tenant.cacheSalt)").bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// A request is tried for the first time.
    func noteRequest(now: Int64) { limits.noteRequest(now: now) }

    /// The request is over: `KeyLimits.settle`.
    func settle(_ reservation: LimitReservation, tokens: Int, spend: Int64, now: Int64) {
        limits.settle(reservation, tokens: tokens, spend: spend, now: now)
    }

    func isValid(nowSeconds: Int64) -> Bool {
        tenant.active && expiresAt.map { nowSeconds < $0 } ?? true
    }

    func mayUse(_ model: ModelRoute) -> Bool {
        (models?.contains(model.entry.name) ?? true) && (model.tiers.isEmpty || model.tiers.contains(tier.name))
    }
}

/// Rules on the text of a customer's prompts; a class, so that the request path copies a reference.
final class CustomerRules: Sendable {
    let sets: [RuleSet]
    /// One of them refuses what it meets.
    let canRefuse: Bool

    init?(_ sets: [RuleSet]) {
        guard !sets.isEmpty else { return nil }
        self.sets = sets
        canRefuse = sets.contains { $0.rules.contains { $0.action == .refuse } }
    }
}

/// From where a customer's key may be used.
final class CustomerAddresses: Sendable {
    let policy: AddressPolicy

    init?(_ key: KeyEntry, _ tenant: TenantEntry, blocked: [AddressRanges]) {
        let allowed = [key.allowedAddresses, tenant.allowedAddresses].compactMap(\.self).map { AddressRanges($0.compactMap { AddressRange($0) }) }
        policy = AddressPolicy(allowed: allowed, blocked: blocked)
        if policy.isOpen { return nil }
    }
}
