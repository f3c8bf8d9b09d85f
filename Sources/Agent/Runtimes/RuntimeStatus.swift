package import PlimsollWire
import Synchronization

/// What is known about one runtime, written by its supervisor and by the relay, read by everybody.
package final class RuntimeStatus: Sendable {
    private struct Known {
        var state = RuntimeState.starting
        var facts = RuntimeFacts()
        var numbers: RuntimeNumbers?
        var holding = RuntimeHolding.unknown
        /// A restart that was ordered: the process that has to go.
        var replaced: String?
        /// It takes nothing new, because it is to be restarted.
        var isResting = false
        var weightsDigest: String?
        var logTail: (lines: [String], at: ContinuousClock.Instant)?
    }

    package let configuration: RuntimeConfiguration
    private let imageDigest: String?
    private let known = Mutex(Known())
    private let relaying = Atomic<Int>(0)
    private let errors = Atomic<Int>(0)
    private let batches = Mutex(BatchCounts())
    /// Nanoseconds from `origin` to the last byte from the runtime; 0: none yet.
    private let lastByteOffset = Atomic<Int64>(0)
    /// Nanoseconds from `origin` to the beginning of the first of the requests that are open.
    private let busySinceOffset = Atomic<Int64>(0)
    private let origin = ContinuousClock.now

    /// Rung when something changed that a heartbeat carries.
    private let changed: Wake?

    package convenience init(configuration: RuntimeConfiguration) {
        self.init(configuration: configuration, changed: nil)
    }

    init(configuration: RuntimeConfiguration, changed: Wake?) {
        self.configuration = configuration
        imageDigest = RuntimeCommand(configuration.command, dialect: configuration.dialect).imageDigest
        self.changed = changed
    }

    var isReady: Bool { known.withLock { $0.state == .ready } }
    /// Ready, and not about to be restarted.
    var takesRequests: Bool { known.withLock { $0.state == .ready && !$0.isResting } }
    var isResting: Bool { known.withLock { $0.isResting } }
    var facts: RuntimeFacts { known.withLock { $0.facts } }
    var openRelays: Int { relaying.load(ordering: .relaxed) }
    /// When the last byte came from the runtime; nil: none yet.
    var lastByte: ContinuousClock.Instant? {
        let offset = lastByteOffset.load(ordering: .relaxed)
        return offset == 0 ? nil : origin + .nanoseconds(offset)
    }
    /// Since when the runtime owes a byte, while requests are open.
    var silentSince: ContinuousClock.Instant {
        origin + .nanoseconds(max(lastByteOffset.load(ordering: .relaxed), busySinceOffset.load(ordering: .relaxed)))
    }

    func publish(state: RuntimeState) { publish(state, as: \.state) }
    func publish(facts: RuntimeFacts) { publish(facts, as: \.facts) }
    func publish(holding: RuntimeHolding) { publish(holding, as: \.holding) }
    func publish(numbers: RuntimeNumbers?) { known.withLock { $0.numbers = numbers } }

    private func publish<Fact: Equatable>(_ fact: Fact, as field: WritableKeyPath<Known, Fact>) {
        let isNews = known.withLock { known in
            defer { known[keyPath: field] = fact }
            return known[keyPath: field] != fact
        }
        if isNews { changed?.ring() }
    }

    /// Of the weights that its process serves; nil: not known.
    func publish(weights digest: String?) { publish(digest, as: \.weightsDigest) }

    /// Which process it is, where the agent has started it and it is ready.
    var readyProcess: String? {
        known.withLock { known in
            guard known.state == .ready, case .ours(let process) = known.holding else { return nil }
            return process
        }
    }

    /// Last lines of its log, for half a minute of reports.
    func publish(logTail lines: [String]) {
        known.withLock { $0.logTail = (lines, .now) }
        changed?.ring()
    }

    private static let tailLife: Duration = .seconds(30)

    /// Requests that it failed.
    var errorCount: Int { errors.load(ordering: .relaxed) }

    /// Takes nothing new from now on, or takes requests again.
    func rest(_ isResting: Bool) { publish(isResting, as: \.isResting) }

    /// Its supervisor stops this process, and starts another one; nothing when another one runs already.
    func order(replacing process: String) { known.withLock { $0.replaced = process } }

    /// The order, once.
    func takeOrder() -> String? {
        known.withLock { known in
            defer { known.replaced = nil }
            return known.replaced
        }
    }

    /// What whoever restarts it must know.
    var standing: RuntimeStanding {
        let (isReady, holding) = known.withLock { ($0.state == .ready, $0.holding) }
        return RuntimeStanding(openRequests: openRelays, holding: holding, isReady: isReady)
    }

    func relayBegan() {
        // Only the first of those that are open: a wedged runtime gets new requests all the time, which prove nothing about it.
        guard relaying.wrappingAdd(1, ordering: .relaxed).oldValue == 0 else { return }
        busySinceOffset.store(nanosecondsNow, ordering: .relaxed)
    }

    func relayEnded(failed: Bool) {
        relaying.wrappingSubtract(1, ordering: .relaxed)
        if failed { errors.wrappingAdd(1, ordering: .relaxed) }
    }

    /// Requests that waited for each other were sent together.
    func noteBatch(requests: Int, waited: Duration) {
        batches.withLock { batches in
            batches.groups += 1
            batches.requests += requests
            batches.waited += waited
        }
    }

    /// Since this agent's start.
    var batchCounts: BatchCounts { batches.withLock { $0 } }

    func sawByte() { lastByteOffset.store(nanosecondsNow, ordering: .relaxed) }

    private var nanosecondsNow: Int64 {
        let elapsed = (ContinuousClock.now - origin).components
        return elapsed.seconds * 1_000_000_000 + elapsed.attoseconds / 1_000_000_000
    }

    /// Fast facts for gateways and heartbeats.
    var load: RuntimeLoad {
        let numbers = known.withLock { $0.numbers }
        return RuntimeLoad(
            running: numbers?.running ?? openRelays, waiting: numbers?.waiting ?? 0, kvUsedRatio: numbers?.kvUsedRatio,
            promptTokensTotal: numbers?.promptTokensTotal, generatedTokensTotal: numbers?.generatedTokensTotal, relaying: openRelays,
            errorsTotal: Int64(errors.load(ordering: .relaxed)), kvTokens: numbers?.kvTokens)
    }

    /// vLLM does not say how many sequences it runs at once; this is its default.
    private static let usualSlots: [RuntimeDialect: Int] = [.vllm: 256, .llamacpp: 1]

    /// How many requests it works on at once.
    var slots: Int { slotCount(facts) }

    private func slotCount(_ facts: RuntimeFacts) -> Int { configuration.slots ?? facts.slots ?? Self.usualSlots[configuration.dialect] ?? 1 }

    package var report: RuntimeReport {
        let (state, facts, holding, tail, weights) = known.withLock { ($0.state, $0.facts, $0.holding, $0.logTail, $0.weightsDigest) }
        return RuntimeReport(
            runtime: configuration.name, release: configuration.release, dialect: configuration.dialect, state: state,
            servedModel: configuration.model ?? facts.servedModel, version: facts.version,
            slots: slotCount(facts),
            contextTokens: configuration.contextTokens ?? facts.contextTokens ?? 0, load: load,
            restartable: holding.isRestartable, logTail: tail.flatMap { ContinuousClock.now - $0.at < Self.tailLife ? $0.lines : nil },
            imageDigest: holding.isRestartable == true ? imageDigest : nil, weightsDigest: holding.isRestartable == true ? weights : nil)
    }
}

/// Requests that a runtime was sent together because they waited for each other.
struct BatchCounts: Sendable, Equatable {
    var groups = 0
    var requests = 0
    /// All of them together.
    var waited = Duration.zero
}

/// Whose a runtime's process is.
enum RuntimeHolding: Equatable {
    /// Its supervisor has not looked yet.
    case unknown
    /// Somebody else starts it.
    case foreign
    /// The agent's; empty while none lives.
    case ours(process: String)

    var isRestartable: Bool? {
        switch self {
        case .unknown: nil
        case .foreign: false
        case .ours: true
        }
    }
}

/// One runtime as a restart sees it.
struct RuntimeStanding: Equatable {
    var openRequests: Int
    var holding: RuntimeHolding
    var isReady: Bool
}
