package import PlimsollWire
import Synchronization

/// The state of this host that relay, reports, heartbeats and commands share.
package final class HostStatus: Sendable {
    private struct Held {
        var serving = ServingState()
        var workers: [AssignedWorker] = []
        var generation: Int64 = 0
    }

    package let runtimes: [RuntimeStatus]
    private let held = Mutex(Held())

    package init(runtimes: [RuntimeStatus]) {
        self.runtimes = runtimes
    }

    package var agentState: AgentState { held.withLock { $0.serving.agentState } }
    package var openRequests: Int { held.withLock { $0.serving.openRequests } }
    package var generation: Int64 { held.withLock { $0.generation } }
    package var workers: [AssignedWorker] { held.withLock { $0.workers } }

    /// Takes over what the control plane wants; older generations than the present one are ignored.
    package func apply(_ desired: DesiredState) {
        held.withLock { held in
            guard desired.generation >= held.generation else { return }
            held.generation = desired.generation
            held.workers = desired.workers
            held.serving.desire(desired.state)
        }
    }

    package func obey(_ kind: OperationKind) { held.withLock { $0.serving.obey(kind) } }

    /// By its name in the configuration.
    func runtime(_ name: String) -> RuntimeStatus? { runtimes.first { $0.configuration.name == name } }

    var standings: [String: RuntimeStanding] {
        Dictionary(runtimes.map { ($0.configuration.name, $0.standing) }, uniquingKeysWith: { first, _ in first })
    }

    /// The program ends: nothing new from here on.
    package func stop() { held.withLock { $0.serving.stop() } }

    /// Admits a request for a worker and counts it as open, or says why not. Whoever was admitted calls `ended` once.
    package func begin(worker id: String?) -> Result<RuntimeStatus, RelayRefused> {
        let admitted = held.withLock { held -> Result<String, RelayRefused> in
            guard let worker = held.workers.first(where: { $0.id == id }), worker.refusal == nil else { return .failure(.init(.unknownWorker)) }
            guard held.serving.admits else { return .failure(.init(.draining)) }
            held.serving.begin()
            return .success(worker.runtime)
        }
        return admitted.flatMap { name in
            guard let runtime = self.runtime(name), runtime.takesRequests else {
                held.withLock { $0.serving.end() }
                return .failure(.init(self.runtime(name).map { $0.isResting ? .draining : .runtimeUnreachable } ?? .unknownWorker))
            }
            return .success(runtime)
        }
    }

    package func ended() { held.withLock { $0.serving.end() } }

    /// What gateways hear: fast facts of every worker that this host was given.
    package var linkReport: LinkReport {
        let (state, workers) = held.withLock { ($0.serving.agentState, $0.workers) }
        let lines = workers.compactMap { worker -> LinkReport.Worker? in
            guard let runtime = runtime(worker.runtime) else { return nil }
            return LinkReport.Worker(id: worker.id, ready: worker.refusal == nil && runtime.takesRequests, load: runtime.load)
        }
        return LinkReport(state: state, workers: lines)
    }
}

/// A `RelayRefusal` as an error.
package struct RelayRefused: Error, Equatable {
    package let reason: RelayRefusal

    package init(_ reason: RelayRefusal) {
        self.reason = reason
    }
}
