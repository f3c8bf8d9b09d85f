package import PlimsollWire
import Synchronization

/// What is known about one runtime, written by its supervisor and by the relay, read by everybody.
package final class RuntimeStatus: Sendable {
    private struct Known {
        var state = RuntimeState.starting
        var facts = RuntimeFacts()
        var numbers: RuntimeNumbers?
    }

    package let configuration: RuntimeConfiguration
    private let known = Mutex(Known())
    private let relaying = Atomic<Int>(0)
    private let errors = Atomic<Int>(0)
    /// Nanoseconds from `origin` to the last byte from the runtime, or to the beginning of a request.
    private let lastByteOffset = Atomic<Int64>(0)
    private let origin = ContinuousClock.now

    package init(configuration: RuntimeConfiguration) {
        self.configuration = configuration
    }

    var isReady: Bool { known.withLock { $0.state == .ready } }
    var facts: RuntimeFacts { known.withLock { $0.facts } }
    var openRelays: Int { relaying.load(ordering: .relaxed) }
    var lastByte: ContinuousClock.Instant { origin + .nanoseconds(lastByteOffset.load(ordering: .relaxed)) }

    func publish(state: RuntimeState) { known.withLock { $0.state = state } }
    func publish(facts: RuntimeFacts) { known.withLock { $0.facts = facts } }
    func publish(numbers: RuntimeNumbers?) { known.withLock { $0.numbers = numbers } }

    func relayBegan() {
        relaying.wrappingAdd(1, ordering: .relaxed)
        sawByte()
    }

    func relayEnded(failed: Bool) {
        relaying.wrappingSubtract(1, ordering: .relaxed)
        if failed { errors.wrappingAdd(1, ordering: .relaxed) }
    }

    func sawByte() {
        let elapsed = (ContinuousClock.now - origin).components
        lastByteOffset.store(elapsed.seconds * 1_000_000_000 + elapsed.attoseconds / 1_000_000_000, ordering: .relaxed)
    }

    /// Fast facts for gateways and heartbeats.
    var load: RuntimeLoad {
        let numbers = known.withLock { $0.numbers }
        return RuntimeLoad(
            running: numbers?.running ?? openRelays, waiting: numbers?.waiting ?? 0, kvUsedRatio: numbers?.kvUsedRatio,
            promptTokensTotal: numbers?.promptTokensTotal, generatedTokensTotal: numbers?.generatedTokensTotal, relaying: openRelays,
            errorsTotal: Int64(errors.load(ordering: .relaxed)))
    }

    /// vLLM does not say how many sequences it runs at once; this is its default.
    private static let usualSlots: [RuntimeDialect: Int] = [.vllm: 256, .llamacpp: 1]

    package var report: RuntimeReport {
        let (state, facts) = known.withLock { ($0.state, $0.facts) }
        return RuntimeReport(
            runtime: configuration.name, release: configuration.release, dialect: configuration.dialect, state: state,
            servedModel: configuration.model ?? facts.servedModel, version: facts.version,
            slots: configuration.slots ?? facts.slots ?? Self.usualSlots[configuration.dialect] ?? 1,
            contextTokens: configuration.contextTokens ?? facts.contextTokens ?? 0, load: load)
    }
}
