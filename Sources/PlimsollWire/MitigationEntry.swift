/// What gateways do about an incident until it expires. A member that is nil narrows nothing.
package struct MitigationEntry: Sendable, Codable, Equatable {
    /// What a gateway of this release carries out, and which members it reads.
    package enum Action: String, Sendable, CaseIterable {
        /// `worker`
        case drainWorker = "drain_worker"
        /// `worker`, which starts again meanwhile
        case restartWorker = "restart_worker"
        /// `provider`, in `region`
        case drainProvider = "drain_provider"
        /// `pool`, which stands by without a weight: its workers take what they have as `standbyWeight`
        case warmPool = "warm_pool"
        /// `pool`, as above
        case reservedCapacity = "reserved_capacity"
        /// `toRegion` comes first for `model` and `tier` at gateways of `region`
        case backupRegion = "backup_region"
        /// `pool` comes first for `tier`, and last for the others
        case protectedPool = "protected_pool"
        /// `release` of `model` takes no traffic
        case rollBackImage = "roll_back_image"
        /// Requests of the service class batch to `model` hold `value` per cent of a worker's slots at most, and no request to it waits for others
        /// at its worker's agent
        case shortenBatchWindow = "shorten_batch_window"
        /// Answers of `tier` from `model` end after `value` tokens
        case capOutput = "cap_output"
        /// Prompts of `tier` to `model` of more than `value` tokens are asked to come later
        case pauseLongPrompts = "pause_long_prompts"
        /// `tenant` has `value` parts per million of its limits of a minute
        case throttleTenant = "throttle_tenant"
        /// `toModel` answers what `tier` asks of `model`
        case fallbackModel = "fallback_model"
        /// Requests of `tier` to `model` are asked to come later
        case shedTier = "shed_tier"
    }

    package var id: String
    /// As the control plane spells it: one that a gateway does not know has no effect there.
    package var action: String
    package var tier: String?
    package var model: String?
    /// Of the gateways that carry it out.
    package var region: String?
    package var worker: String?
    package var provider: String?
    package var pool: String?
    package var release: String?
    package var tenant: String?
    package var toModel: String?
    package var toRegion: String?
    package var value: Int?
    /// Incident that it is for; nil: a person wanted it.
    package var cause: String?
    /// Seconds since 1970. It ends then at a gateway that hears of nothing newer, too.
    package var expiresAtSeconds: Int64

    package init(
        id: String, action: String, tier: String? = nil, model: String? = nil, region: String? = nil, worker: String? = nil,
        provider: String? = nil, pool: String? = nil, release: String? = nil, tenant: String? = nil, toModel: String? = nil,
        toRegion: String? = nil, value: Int? = nil, cause: String? = nil, expiresAtSeconds: Int64
    ) {
        self.id = id
        self.action = action
        self.tier = tier
        self.model = model
        self.region = region
        self.worker = worker
        self.provider = provider
        self.pool = pool
        self.release = release
        self.tenant = tenant
        self.toModel = toModel
        self.toRegion = toRegion
        self.value = value
        self.cause = cause
        self.expiresAtSeconds = expiresAtSeconds
    }

    /// Nil: not one of this release's.
    package var kind: Action? { Action(rawValue: action) }
}
