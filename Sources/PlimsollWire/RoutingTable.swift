/// A routing table or a change to one, as a gateway pulls it.
///
/// A table is a set of entries, each a JSON text under a key such as `key/<id>`. The signature covers version, time and the digest of the
/// *resulting* table, so that a full table and a change are proven the same way: apply, compute the digest, compare.
/// Digest: SHA-256 over, for each entry in ascending byte order of its key: SHA-256(key) followed by SHA-256(value).
/// Signed bytes: `plimsoll-table-1\n<version>\n<issuedAt, seconds since 1970>\n<digest, hex>\n`.
package struct SignedTable: Sendable, Codable {
    package var version: Int64
    /// Version that `entries` and `removed` apply to; nil: this is a whole table.
    package var since: Int64?
    package var issuedAtSeconds: Int64
    package var digestHex: String
    package var signatureBase64: String
    /// New or changed entries: key to JSON text.
    package var entries: [String: String]
    package var removed: [String]

    package init(
        version: Int64, since: Int64?, issuedAtSeconds: Int64, digestHex: String, signatureBase64: String, entries: [String: String],
        removed: [String]
    ) {
        self.version = version
        self.since = since
        self.issuedAtSeconds = issuedAtSeconds
        self.digestHex = digestHex
        self.signatureBase64 = signatureBase64
        self.entries = entries
        self.removed = removed
    }
}

/// First part of an entry's key.
package enum TableEntryKind: String, Sendable, CaseIterable {
    case tenant
    case key
    case tier
    case model
    case worker
    case gateway
    case denied
    case rule
    case capture
    case price
    case mitigation
}

package struct TenantEntry: Sendable, Codable, Equatable {
    package var id: String
    /// Tier name.
    package var tier: String
    package var active: Bool
    /// Empty: everywhere.
    package var allowedRegions: [String]
    /// Hex; put into requests as `cache_salt`, so that tenants never share a runtime's prefix cache.
    package var cacheSalt: String
    /// Trust classes of workers that may serve it; nil: all.
    package var allowedTrustClasses: [String]?
    /// Ranges of addresses that its keys may be used from; nil: everywhere.
    package var allowedAddresses: [String]?
    /// Parts per million that are left of its limits of a minute; nil: all.
    package var throttlePpm: Int?
    /// What is masked in its prompts: `warn`, `secrets`, `personal` or `all`; nil: nothing.
    package var masking: String?

    /// Nil: the tier's, as for the two below.
    package var tokensPerDay: Int64?
    package var tokensPerMonth: Int64?
    package var spendPerMonthMicroUsd: Int64?

    package init(
        id: String, tier: String, active: Bool, allowedRegions: [String], cacheSalt: String, allowedTrustClasses: [String]? = nil,
        allowedAddresses: [String]? = nil, throttlePpm: Int? = nil, masking: String? = nil, tokensPerDay: Int64? = nil, tokensPerMonth: Int64? = nil,
        spendPerMonthMicroUsd: Int64? = nil
    ) {
        self.id = id
        self.tier = tier
        self.active = active
        self.allowedRegions = allowedRegions
        self.cacheSalt = cacheSalt
        self.allowedTrustClasses = allowedTrustClasses
        self.allowedAddresses = allowedAddresses
        self.throttlePpm = throttlePpm
        self.masking = masking
        self.tokensPerDay = tokensPerDay
        self.tokensPerMonth = tokensPerMonth
        self.spendPerMonthMicroUsd = spendPerMonthMicroUsd
    }
}

package struct KeyEntry: Sendable, Codable, Equatable {
    package var id: String
    package var tenant: String
    /// SHA-256 of the whole key, lower-case hex.
    package var sha256Hex: String
    package var expiresAtSeconds: Int64?
    /// Nil: every model of the tenant's tier.
    package var models: [String]?
    /// Nil: the tier's.
    package var requestsPerMinute: Int?
    package var tokensPerMinute: Int?
    package var concurrentRequests: Int?
    /// Of the tenant's trust classes those that this key is content with; nil: all of them.
    package var allowedTrustClasses: [String]?
    /// Ranges of addresses that it may be used from; nil: everywhere that the tenant allows.
    package var allowedAddresses: [String]?
    /// As of the tenant, or `none`; nil: the tenant's.
    package var masking: String?

    /// Most requests at once above the steady rate; nil: as many as a minute has.
    package var burstRequests: Int?
    package var burstTokens: Int?
    /// Nil: only the tenant's, as for the two below.
    package var tokensPerDay: Int64?
    package var tokensPerMonth: Int64?
    package var spendPerMonthMicroUsd: Int64?
    /// SHA-256 of the secret before the last rotation, good until the instant below.
    package var previousSha256Hex: String?
    package var previousExpiresAtSeconds: Int64?
    /// Nil: a customer's.
    package var purpose: KeyPurpose?

    package init(
        id: String, tenant: String, sha256Hex: String, expiresAtSeconds: Int64? = nil, models: [String]? = nil, requestsPerMinute: Int? = nil,
        tokensPerMinute: Int? = nil, concurrentRequests: Int? = nil, allowedTrustClasses: [String]? = nil, allowedAddresses: [String]? = nil,
        masking: String? = nil, burstRequests: Int? = nil, burstTokens: Int? = nil, tokensPerDay: Int64? = nil, tokensPerMonth: Int64? = nil,
        spendPerMonthMicroUsd: Int64? = nil, previousSha256Hex: String? = nil, previousExpiresAtSeconds: Int64? = nil,
        purpose: KeyPurpose? = nil
    ) {
        self.id = id
        self.tenant = tenant
        self.sha256Hex = sha256Hex
        self.expiresAtSeconds = expiresAtSeconds
        self.models = models
        self.requestsPerMinute = requestsPerMinute
        self.tokensPerMinute = tokensPerMinute
        self.concurrentRequests = concurrentRequests
        self.allowedTrustClasses = allowedTrustClasses
        self.allowedAddresses = allowedAddresses
        self.masking = masking
        self.burstRequests = burstRequests
        self.burstTokens = burstTokens
        self.tokensPerDay = tokensPerDay
        self.tokensPerMonth = tokensPerMonth
        self.spendPerMonthMicroUsd = spendPerMonthMicroUsd
        self.previousSha256Hex = previousSha256Hex
        self.previousExpiresAtSeconds = previousExpiresAtSeconds
        self.purpose = purpose
    }
}

/// What is done with a key that is not a customer's. Nothing is billed for it, and no promise covers it.
package enum KeyPurpose: String, Sendable, Codable, CaseIterable {
    /// The installation asks itself whether it answers; not in any tenant's minutes.
    case probe
    /// Load of a drill; counted apart.
    case drill
}

package struct TierEntry: Sendable, Codable, Equatable {
    package var name: String
    package var maxPromptTokens: Int
    package var maxOutputTokens: Int
    package var maxBodyBytes: Int
    package var requestsPerMinute: Int
    package var tokensPerMinute: Int
    package var concurrentRequests: Int
    /// How long keys stay good on a gateway that cannot reach the control plane.
    package var maxTableAgeSeconds: Int
    /// Time to first token that the tier is sold with, microseconds.
    package var ttftObjectiveMicroseconds: Int64
    /// Of its requests, and of their prompt tokens, those that may be sent to a second worker because their first token is late, parts per
    /// million; nil: none.
    package var hedgePpm: Int?
    /// Its terms allow that a broken stream goes on at another worker where that is exact; nil: no.
    package var continuesStreams: Bool?
    /// Nil: as the gateway's defaults say.
    package var queue: TierQueue?
    /// Time to the last of 256 tokens that the tier is sold with, microseconds; nil: as the gateway's defaults say.
    package var ttltObjectiveMicroseconds: Int64?
    /// How long an agent may let a request wait for others, so that its runtime takes them into one batch: 1 to 25 ms; nil: not at all.
    package var microBatchWindowMilliseconds: Int?

    /// Most requests at once above the steady rate; nil: as many as a minute has.
    package var burstRequests: Int?
    package var burstTokens: Int?
    /// Of a tenant; nil: no limit, as for the two below.
    package var tokensPerDay: Int64?
    package var tokensPerMonth: Int64?
    package var spendPerMonthMicroUsd: Int64?

    package init(
        name: String, maxPromptTokens: Int, maxOutputTokens: Int, maxBodyBytes: Int, requestsPerMinute: Int, tokensPerMinute: Int,
        concurrentRequests: Int, maxTableAgeSeconds: Int, ttftObjectiveMicroseconds: Int64, burstRequests: Int? = nil, burstTokens: Int? = nil,
        tokensPerDay: Int64? = nil, tokensPerMonth: Int64? = nil, spendPerMonthMicroUsd: Int64? = nil,
        hedgePpm: Int? = nil, continuesStreams: Bool? = nil, queue: TierQueue? = nil, ttltObjectiveMicroseconds: Int64? = nil,
        microBatchWindowMilliseconds: Int? = nil
    ) {
        self.name = name
        self.maxPromptTokens = maxPromptTokens
        self.maxOutputTokens = maxOutputTokens
        self.maxBodyBytes = maxBodyBytes
        self.requestsPerMinute = requestsPerMinute
        self.tokensPerMinute = tokensPerMinute
        self.concurrentRequests = concurrentRequests
        self.maxTableAgeSeconds = maxTableAgeSeconds
        self.ttftObjectiveMicroseconds = ttftObjectiveMicroseconds
        self.hedgePpm = hedgePpm
        self.continuesStreams = continuesStreams
        self.queue = queue
        self.ttltObjectiveMicroseconds = ttltObjectiveMicroseconds
        self.microBatchWindowMilliseconds = microBatchWindowMilliseconds
        self.burstRequests = burstRequests
        self.burstTokens = burstTokens
        self.tokensPerDay = tokensPerDay
        self.tokensPerMonth = tokensPerMonth
        self.spendPerMonthMicroUsd = spendPerMonthMicroUsd
    }
}

package struct ModelEntry: Sendable, Codable, Equatable {
    /// Name that customers use.
    package var name: String
    package var contextTokens: Int
    package var createdAtSeconds: Int64
    /// Tiers that may use it; empty: all.
    package var tiers: [String]
    /// Share of traffic by release name; parts per million. A release that is missing here gets none.
    package var releaseWeights: [String: Int]
    /// What releases without a share had before, by name; nil: none of them served anything yet.
    package var formerShares: [String: FormerShare]?
    /// Prompts of more tokens go to workers of the class `long`, where there are any; nil: all prompts go to all workers.
    package var longContextTokens: Int?
    /// Nil: it generates text.
    package var kind: ModelKind?
    /// What gateways ask its workers now and then; nil: as their defaults say.
    package var probePrompt: String?
    /// What an answer to it must contain, however it is written; nil: any text will do.
    package var probeAnswer: String?

    package init(
        name: String, contextTokens: Int, createdAtSeconds: Int64, tiers: [String], releaseWeights: [String: Int], longContextTokens: Int? = nil,
        kind: ModelKind? = nil, probePrompt: String? = nil, probeAnswer: String? = nil, formerShares: [String: FormerShare]? = nil
    ) {
        self.formerShares = formerShares
        self.name = name
        self.contextTokens = contextTokens
        self.createdAtSeconds = createdAtSeconds
        self.tiers = tiers
        self.releaseWeights = releaseWeights
        self.longContextTokens = longContextTokens
        self.kind = kind
        self.probePrompt = probePrompt
        self.probeAnswer = probeAnswer
    }
}

/// The share that a release had before it lost it.
package struct FormerShare: Sendable, Codable, Equatable {
    package var weightPpm: Int
    package var lostAtSeconds: Int64

    package init(weightPpm: Int, lostAtSeconds: Int64) {
        self.weightPpm = weightPpm
        self.lostAtSeconds = lostAtSeconds
    }
}

/// What a model is for.
package enum ModelKind: String, Sendable, Codable, CaseIterable {
    /// Text: chat completions, completions, responses, messages.
    case generation
    /// Vectors of texts.
    case embedding
}

package struct GatewayEntry: Sendable, Codable, Equatable {
    package var id: String
    package var region: String
    package var address: String
    /// Until then, seconds since 1970, it behaves as if the control plane were gone, for a drill; nil: it does not.
    package var aloneUntilSeconds: Int64?

    package init(id: String, region: String, address: String, aloneUntilSeconds: Int64? = nil) {
        self.id = id
        self.region = region
        self.address = address
        self.aloneUntilSeconds = aloneUntilSeconds
    }
}

/// What an operator wants refused or counted.
package struct RuleEntry: Sendable, Codable, Hashable {
    /// What `pattern` is.
    package enum Kind: String, Sendable, Codable, CaseIterable {
        /// Text in a prompt.
        case literal
        /// A regular expression on the text of a prompt.
        case expression
        /// A range of addresses that keys are used from.
        case address
    }

    package enum Action: String, Sendable, Codable, CaseIterable {
        case refuse
        /// The request goes on; it is counted.
        case flag
    }

    package var id: String
    /// Nil: for all tenants.
    package var tenant: String?
    package var kind: Kind
    package var pattern: String
    package var caseSensitive: Bool
    package var action: Action
    /// For the customer; nil: the usual words.
    package var message: String?

    package init(
        id: String, tenant: String? = nil, kind: Kind, pattern: String, caseSensitive: Bool = false, action: Action = .refuse, message: String? = nil
    ) {
        self.id = id
        self.tenant = tenant
        self.kind = kind
        self.pattern = pattern
        self.caseSensitive = caseSensitive
        self.action = action
        self.message = message
    }
}

/// An identity whose sessions are cut at once and refused until its certificates have expired.
package struct DeniedEntry: Sendable, Codable, Equatable {
    package var identity: String
    package var untilSeconds: Int64

    package init(identity: String, untilSeconds: Int64) {
        self.identity = identity
        self.untilSeconds = untilSeconds
    }
}

/// Price of a model for a tier and service class, from an instant until the next version's. Never changed once published.
package struct PriceEntry: Sendable, Codable, Equatable {
    package var version: Int64
    package var model: String
    package var tier: String
    /// `interactive` or `batch`.
    package var serviceClass: String
    /// Seconds since 1970.
    package var effectiveFromSeconds: Int64
    /// 10^-12 US dollars for one token, as all of them.
    package var promptPicoUsd: Int64
    package var cachedPromptPicoUsd: Int64
    package var completionPicoUsd: Int64

    package init(
        version: Int64, model: String, tier: String, serviceClass: String, effectiveFromSeconds: Int64, promptPicoUsd: Int64,
        cachedPromptPicoUsd: Int64, completionPicoUsd: Int64
    ) {
        self.version = version
        self.model = model
        self.tier = tier
        self.serviceClass = serviceClass
        self.effectiveFromSeconds = effectiveFromSeconds
        self.promptPicoUsd = promptPicoUsd
        self.cachedPromptPicoUsd = cachedPromptPicoUsd
        self.completionPicoUsd = completionPicoUsd
    }
}
