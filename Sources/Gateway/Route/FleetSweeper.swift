import Domain
import NIOCore
import PlimsollWire

/// Looks once a second for workers that do not move, and probes those whose time out of rotation is over and those that are due anyway. Lives on
/// one of the loops.
final class FleetSweeper {
    private static let period: Int64 = 1_000_000

    private let book: WorkerBook
    /// Nil: only what is out of rotation is probed.
    private let desk: ProbeDesk?
    private var last: Int64 = 0
    private var probes: [String: HealthProbe] = [:]
    private var errands: [String: HealthProbe] = [:]
    private var isStopped = false

    init(_ book: WorkerBook, desk: ProbeDesk?) {
        self.book = book
        self.desk = desk
    }

    func tick(_ now: NIODeadline, _ loop: GatewayLoop) {
        guard now.microseconds - last >= Self.period else { return }
        last = now.microseconds
        for probe in Array(probes.values) + Array(errands.values) where now >= probe.deadline { probe.giveUp() }
        for id in book.watch.sweep(now: last) { probe(id, loop) }
        for errand in desk?.due(now: last) ?? [] { run(errand, loop) }
        book.watch.metrics.show(modelsWithoutWorkers: loop.directory.modelsWithoutWorkers)
    }

    func stop() {
        // What was cut here says nothing of the workers.
        isStopped = true
        for probe in Array(probes.values) + Array(errands.values) { probe.giveUp() }
    }

    /// Whoever is out because of what probes found must answer what they ask.
    private func probe(_ id: String, _ loop: GatewayLoop) {
        guard let worker = book.worker(id: id) else { return }
        let isKnown = book.watch.condition(id) == .onTrial(.probes)
        let probe = HealthProbe(worker, isKnown ? question(worker, loop) : .anything) { [weak self, book] outcome in
            self?.probes[id] = nil
            book.watch.probed(id, succeeded: outcome.succeeded, now: NIODeadline.now().microseconds)
        }
        probes[id] = probe
        probe.start(loop)
    }

    private func question(_ worker: Worker, _ loop: GatewayLoop) -> ProbeQuestion {
        ProbeQuestion(loop.directory.model(worker.entry.model)?.entry)
    }

    private func run(_ errand: ProbeDesk.Errand, _ loop: GatewayLoop) {
        guard let desk, errands[errand.worker] == nil, let worker = book.worker(id: errand.worker), isToBeAsked(worker, errand) else { return }
        let (id, at) = (RequestId(milliseconds: LoopClock.wallMicroseconds() / 1000, using: &loop.random), LoopClock.wallMicroseconds())
        let probe = HealthProbe(worker, question(worker, loop)) { [weak self, book] outcome in
            self?.errands[errand.worker] = nil
            guard self?.isStopped == false else { return }
            let isDrill = worker.drill != nil
            desk.note(ProbeResult(outcome, of: worker.entry, isStandIn: errand.isStandIn, isDrill: isDrill, id: id.description, at: at))
            guard outcome.fault.map({ Self.counts($0, worker) }) ?? true else { return }
            book.watch.examined(errand.worker, succeeded: outcome.succeeded, now: NIODeadline.now().microseconds)
        }
        errands[errand.worker] = probe
        probe.start(loop)
    }

    /// A runtime that is still starting is not asked, nor a host to which this gateway has no link by design.
    private func isToBeAsked(_ worker: Worker, _ errand: ProbeDesk.Errand) -> Bool {
        guard let load = worker.load, let gate = worker.gate else { return true }
        if !gate.takesRequests { return errand.isStandIn || desk?.expectsLinks ?? true }
        return load.hasBeenReady
    }

    /// Counts against a worker. One that has all its slots taken and makes a probe wait is busy, not broken.
    private static func counts(_ fault: ProbeFault, _ worker: Worker) -> Bool {
        fault == .timeout ? worker.tally.inFlight < worker.entry.slots : fault != .gateway
    }
}
