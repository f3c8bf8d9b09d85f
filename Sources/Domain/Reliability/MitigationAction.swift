/// What can be done about trouble. Raw values are what tables, rows and commands say.
package enum MitigationAction: String, Sendable, CaseIterable {
    case restartWorker = "restart_worker"
    case drainWorker = "drain_worker"
    case drainProvider = "drain_provider"
    case warmPool = "warm_pool"
    case backupRegion = "backup_region"
    case protectedPool = "protected_pool"
    case reservedCapacity = "reserved_capacity"
    case raiseWorkers = "raise_workers"
    case rollBackImage = "roll_back_image"
    case shortenBatchWindow = "shorten_batch_window"
    case capOutput = "cap_output"
    case pauseLongPrompts = "pause_long_prompts"
    case throttleTenant = "throttle_tenant"
    case fallbackModel = "fallback_model"
    case shedTier = "shed_tier"
    case raiseLimit = "raise_limit"
    case sellCapacity = "sell_capacity"
    case reviewProvider = "review_provider"

    /// The runbook: what is tried first stands first.
    package static let runbook = allCases

    private static let forPeople: Set<MitigationAction> = [.raiseLimit, .sellCapacity, .reviewProvider]

    /// Gateways, agents and, where there is one, a scaler carry it out; else a person is asked to.
    package var isAutomatic: Bool { !Self.forPeople.contains(self) }

    /// Some customers get less than they asked for.
    package var takesFromCustomers: Bool {
        switch self {
        case .capOutput, .pauseLongPrompts, .throttleTenant, .fallbackModel, .shedTier: true
        default: false
        }
    }

    /// A worker or provider that does harm goes at once, without waiting whether what was done before it helps.
    package var isUrgent: Bool { self == .restartWorker || self == .drainWorker || self == .drainProvider }

    /// A pool that stands by is called in.
    package var callsIn: Bool { self == .warmPool || self == .reservedCapacity }

    /// It decides who takes requests beside drains, which are laid over it.
    package var movesRequests: Bool { self == .rollBackImage || callsIn }
}

/// An action with all that it is about; two of the same are one.
package struct MitigationTarget: Sendable, Hashable {
    package var action: MitigationAction
    package var tier: String?
    package var model: String?
    package var region: String?
    package var provider: String?
    package var worker: String?
    package var pool: String?
    package var release: String?
    package var tenant: String?
    package var toModel: String?
    package var toRegion: String?
    package var value: Int?

    package init(
        _ action: MitigationAction, tier: String? = nil, model: String? = nil, region: String? = nil, provider: String? = nil,
        worker: String? = nil, pool: String? = nil, release: String? = nil, tenant: String? = nil, toModel: String? = nil,
        toRegion: String? = nil, value: Int? = nil
    ) {
        self.action = action
        self.tier = tier
        self.model = model
        self.region = region
        self.provider = provider
        self.worker = worker
        self.pool = pool
        self.release = release
        self.tenant = tenant
        self.toModel = toModel
        self.toRegion = toRegion
        self.value = value
    }
}
