/// What opens an incident.
package enum IncidentSignal: String, Sendable, CaseIterable {
    /// Five minutes in a row below an objective.
    case breachedMinutes = "breached_minutes"
    /// Most first tokens of the last seconds were later than the objective.
    case firstTokenLate = "first_token_late"
    case probesFailing = "probes_failing"
    /// A budget is spent too fast.
    case burn
    /// At this pace a budget ends within a day.
    case budgetEnding = "budget_ending"
    case serverErrors = "server_errors"
    case disconnects = "stream_disconnects"
    case queueTime = "queue_time"
    /// All of a provider's workers in a region, or at least half of them and two, are out of rotation, or cannot be reached.
    case providerHealth = "provider_health"
    case workerHealth = "worker_health"
    /// Less is left than a paid SKU needs.
    case redundancy
    /// Nobody measures what is promised.
    case unmeasured
    /// Nobody measures it from outside, where customers are.
    case outsideLost = "outside_view_lost"

    /// Who must look at it now.
    package var severity: BurnRule.Severity {
        switch self {
        case .breachedMinutes, .firstTokenLate, .probesFailing, .burn, .serverErrors, .providerHealth: .page
        case .disconnects, .queueTime, .workerHealth, .redundancy, .unmeasured, .outsideLost, .budgetEnding: .ticket
        }
    }

    /// Customers feel it, so that it belongs on the status page.
    package var isFelt: Bool {
        switch self {
        case .breachedMinutes, .firstTokenLate, .probesFailing, .burn, .serverErrors, .disconnects, .queueTime: true
        case .providerHealth, .workerHealth, .redundancy, .unmeasured, .outsideLost, .budgetEnding: false
        }
    }

    /// Capacity that is lost: whether customers feel it is seen in the minutes of what it touches.
    package var isJudgedByMinutes: Bool {
        switch self {
        case .providerHealth, .workerHealth, .redundancy: true
        default: false
        }
    }

    /// In words without a provider's or host's name, for titles that customers may see.
    package var title: String {
        switch self {
        case .breachedMinutes: "Service below its objective"
        case .firstTokenLate: "First tokens are far too late"
        case .probesFailing: "Probes are failing"
        case .burn: "Error budget is spent too fast"
        case .serverErrors: "Server errors have risen"
        case .disconnects: "Streams are cut off"
        case .queueTime: "Requests wait too long"
        case .providerHealth: "A capacity source is out of rotation"
        case .workerHealth: "A worker is out of rotation"
        case .redundancy: "Redundancy is below what is promised"
        case .unmeasured: "Service is not measured"
        case .outsideLost: "Outside view lost"
        case .budgetEnding: "Error budget is about to end"
        }
    }

    /// Steps of the runbook that may help. What customers feel is helped by all of it: too little capacity shows as lateness, as errors or as broken streams,
    /// and whether a worker, provider or release is the cause is said by evidence, not by the sign.
    package var remedies: Set<MitigationAction> {
        switch self {
        case .workerHealth: [.restartWorker, .drainWorker]
        case .providerHealth: [.restartWorker, .drainProvider, .reviewProvider]
        case .breachedMinutes, .firstTokenLate, .burn, .queueTime, .probesFailing, .serverErrors, .disconnects:
            [
                .restartWorker, .drainWorker, .drainProvider, .warmPool, .backupRegion, .protectedPool, .reservedCapacity, .raiseWorkers,
                .rollBackImage,
                .shortenBatchWindow, .capOutput, .pauseLongPrompts, .throttleTenant, .fallbackModel, .shedTier, .sellCapacity,
                .reviewProvider,
            ]
        // Whose score was lost is put up for review by whoever computes it.
        case .redundancy: [.raiseWorkers]
        // Before it is missed: what adds or moves capacity, and what terms name. Nobody else pays for a forecast.
        case .budgetEnding: [.warmPool, .backupRegion, .protectedPool, .reservedCapacity, .raiseWorkers, .fallbackModel]
        case .unmeasured, .outsideLost: []
        }
    }
}

extension Trouble {
    /// Of those of its sign. What is spent slowly has what does harm taken out, by evidence; nothing that customers feel or that costs anything is done.
    var remedies: Set<MitigationAction> {
        let slow: Set<MitigationAction> = [.restartWorker, .drainWorker, .drainProvider, .rollBackImage, .reviewProvider]
        return isSlowBurn ? signal.remedies.intersection(slow) : signal.remedies
    }
}

/// What an incident is about: while one with this key is open, the same trouble is the same incident.
package struct IncidentKey: Sendable, Hashable {
    package var signal: IncidentSignal
    /// Empty where it is not about one.
    package var tier: String
    package var model: String
    package var region: String
    package var provider: String
    /// Of whatever else it is about, such as a worker's id.
    package var subject: String
    /// Id of the one whose promise it is about; empty: of all.
    package var tenant: String

    package init(
        _ signal: IncidentSignal, tier: String = "", model: String = "", region: String = "", provider: String = "", subject: String = "",
        tenant: String = ""
    ) {
        self.tenant = tenant
        self.signal = signal
        self.tier = tier
        self.model = model
        self.region = region
        self.provider = provider
        self.subject = subject
    }

    /// Of a budget: what stands for it. One customer's is a part of all customers', and a budget that ends soon is one that is spent too fast.
    package var widerBudgets: [IncidentKey] {
        guard signal == .burn || signal == .budgetEnding else { return [] }
        let signals: [IncidentSignal] = signal == .burn ? [.burn] : [.burn, .budgetEnding]
        return signals.flatMap { signal in
            ["", tenant].map { IncidentKey(signal, tier: tier, model: model, region: region, tenant: $0) }
        }.filter { $0 != self }
    }

    /// As rows hold it.
    package var text: String {
        let parts = [tier, model, region, signal.rawValue]
        return (parts + [provider, subject, tenant.isEmpty ? "" : "tenant:" + tenant].filter { !$0.isEmpty }).map { $0.isEmpty ? "*" : $0 }.joined(
            separator: "/")
    }
}
