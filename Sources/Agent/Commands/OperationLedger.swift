import FoundationEssentials
import PlimsollWire

/// What to do with operations as they are delivered, again and again: each takes effect once, a newer one ends an older drain, and every end
/// is reported until the control plane has it. No I/O; `OperationLoop` writes the journal before it acts.
struct OperationLedger {
    enum Step: Equatable {
        /// Write this down before the next step.
        case record(OperationJournal.Entry)
        case obey(OperationKind)
        /// A drain's deadline passed: end what still runs.
        case cutOpenRequests
        /// A runtime takes nothing new, or takes requests again.
        case rest(runtime: String, Bool)
        /// Another process in place of this one.
        case restart(runtime: String, replacing: String)
    }

    private struct Draining {
        var id: String
        var deadline: Date
    }

    private var known: [String: OperationJournal.Entry] = [:]
    /// The journal's order, so that memory is bounded as the journal is.
    private var order: [String] = []
    private var draining: Draining?
    private var restarts: [RuntimeRestart] = []
    /// Ends that the control plane has not confirmed yet.
    private(set) var unreported: [OperationResults.Result] = []

    /// The last operation that took effect stands again after a restart of the agent.
    init(journal: [OperationJournal.Entry]) {
        for entry in journal { remember(entry) }
    }

    /// What the host was told last; nil when nothing was ordered yet.
    var standing: OperationKind? {
        order.reversed().lazy.compactMap { self.known[$0] }.filter { $0.kind != .restart }.first {
            $0.state == .done || $0.state == .running || $0.state == .superseded
        }?.kind
    }

    var isDraining: Bool { draining != nil }
    var isRestarting: Bool { !restarts.isEmpty }

    mutating func receive(_ operations: [PlimsollWire.Operation], now: Date) -> [Step] {
        operations.flatMap { receive($0, now: now) }
    }

    private mutating func receive(_ operation: PlimsollWire.Operation, now: Date) -> [Step] {
        if let entry = known[operation.id], entry.state != .running {
            // Delivered again: the report of its end was lost.
            report(entry)
            return []
        }
        if draining?.id == operation.id || restarts.contains(where: { $0.id == operation.id }) { return [] }
        let isResumed = known[operation.id] != nil
        guard isResumed || operation.deadline > now else { return [close(operation.id, operation.kind, .expired, "delivered after its deadline")] }
        switch operation.kind {
        case .drain: return supersede(by: operation) + begin(operation)
        case .resume: return supersede(by: operation) + [.obey(.resume), close(operation.id, .resume, .done, nil)]
        case .restart: return beginRestart(operation, now: now)
        }
    }

    /// One that ran when the agent died goes on where it was.
    private mutating func beginRestart(_ operation: PlimsollWire.Operation, now: Date) -> [Step] {
        guard let runtime = operation.runtime, !restarts.contains(where: { $0.runtime == runtime }) else {
            return [close(operation.id, .restart, .failed, "another restart of this runtime is under way")]
        }
        let before = known[operation.id]
        restarts.append(
            RuntimeRestart(id: operation.id, runtime: runtime, now: now, deadline: operation.deadline, replaced: before?.process))
        let entry = before ?? OperationJournal.Entry(id: operation.id, kind: .restart, state: .running, runtime: runtime)
        remember(entry)
        return (before == nil ? [.record(entry)] : []) + [.rest(runtime: runtime, true)]
    }

    /// Looks at running restarts; `runtimes` by name.
    mutating func tick(runtimes: [String: RuntimeStanding], now: Date) -> [Step] {
        var steps: [Step] = []
        for index in restarts.indices.reversed() {
            switch restarts[index].look(runtimes[restarts[index].runtime], now: now) {
            case nil: continue
            case .replace(let process):
                let restart = restarts[index]
                let entry = OperationJournal.Entry(
                    id: restart.id, kind: .restart, state: .running, runtime: restart.runtime, process: process)
                remember(entry)
                steps += [.record(entry), .restart(runtime: restart.runtime, replacing: process)]
            case .end(let state, let message):
                let restart = restarts.remove(at: index)
                steps += [close(restart.id, .restart, state, message), .rest(runtime: restart.runtime, false)]
            }
        }
        return steps
    }

    private mutating func begin(_ operation: PlimsollWire.Operation) -> [Step] {
        let entry = OperationJournal.Entry(id: operation.id, kind: .drain, state: .running)
        remember(entry)
        draining = Draining(id: operation.id, deadline: operation.deadline)
        return [.record(entry), .obey(.drain)]
    }

    private mutating func supersede(by operation: PlimsollWire.Operation) -> [Step] {
        guard let old = draining else { return [] }
        draining = nil
        return [close(old.id, .drain, .superseded, "a newer \(operation.kind.rawValue) came")]
    }

    /// Looks at a running drain: over when nothing is open, cut when its deadline passed.
    mutating func tick(openRequests: Int, now: Date) -> [Step] {
        guard let drain = draining else { return [] }
        if openRequests == 0 {
            draining = nil
            return [close(drain.id, .drain, .done, nil)]
        }
        guard now >= drain.deadline else { return [] }
        draining = nil
        return [.cutOpenRequests, close(drain.id, .drain, .done, "\(openRequests) requests were cut at the deadline")]
    }

    /// The control plane has these.
    mutating func reported(_ ids: Set<String>) {
        unreported.removeAll { ids.contains($0.id) }
    }

    private mutating func close(_ id: String, _ kind: OperationKind, _ state: OperationState, _ message: String?) -> Step {
        let entry = OperationJournal.Entry(id: id, kind: kind, state: state, message: message)
        remember(entry)
        report(entry)
        return .record(entry)
    }

    private mutating func report(_ entry: OperationJournal.Entry) {
        guard !unreported.contains(where: { $0.id == entry.id }) else { return }
        unreported.append(OperationResults.Result(id: entry.id, state: entry.state, message: entry.message))
    }

    private mutating func remember(_ entry: OperationJournal.Entry) {
        if known.updateValue(entry, forKey: entry.id) != nil { order.removeAll { $0 == entry.id } }
        order.append(entry.id)
        guard order.count > OperationJournal.capacity else { return }
        known.removeValue(forKey: order.removeFirst())
    }
}
