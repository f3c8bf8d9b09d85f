import Domain
import NIOCore
import OpenAIWire
import PlimsollWire
import Synchronization

/// Who waits for the workers of a model, and what was learnt of them. Safe from any thread.
///
/// While nobody waits a request costs it one load, and its end two; what is behind the lock is touched only when workers are full. Times are
/// microseconds of the monotonic clock.
final class ModelQueue: Sendable {
    /// How often those who wait are looked after when no slot is freed: for deadlines, and for room that reports tell of.
    private static let pump = TimeAmount.milliseconds(25)

    private let count = Atomic<Int>(0)
    private let meanHold = Atomic<Int64>(0)
    private let prefills = InlineArray<24, Atomic<Int64>>({ _ in Atomic<Int64>(0) })
    /// By rank of their tiers.
    private let mixes = InlineArray<4, TenantMix>({ _ in TenantMix() })
    private let state = Mutex(State())

    /// A request that waits, and what it waits for.
    struct Waiting: Sendable {
        let request: NIOLoopBound<RelayedRequest>
        let eventLoop: any EventLoop
        let question: Router.Question
        let need: PlaceNeed
    }

    /// What is told to a request on its own loop.
    private enum Notice: Sendable {
        case placed(Waiting, Worker, ServedTokens)
        case refused(Waiting, retryAfter: Int64, isUnreachable: Bool)
        /// Not to a request: other gateways are asked for places at the worker.
        case wanted(Worker, places: Int)
    }

    private struct State: Sendable {
        var queue = RequestQueue()
        private(set) var waiting: [QueueTicket: Waiting] = [:]
        private(set) var tenants = QueueTenants(ranks: TenantHoldings.ranks)
        var workers: [Worker] = []
        var wants = PlaceWants()
        /// Places that running requests of this gateway were asked for in the last turn.
        var asked = 0
        /// Of the last turn of the pump: a fleet of thousands is not added up for each request that comes while others wait.
        var capacity: QueueCapacity?
        var isPumped: Bool { capacity != nil }

        mutating func put(_ ticket: QueueTicket, _ request: Waiting, now: Int64) {
            waiting[ticket] = request
            tenants.add(request.need.tenant, rank: request.need.rank, now: now) { ModelQueue.held(by: request.need.tenant, workers) }
        }

        mutating func turnAway(_ need: PlaceNeed, hold: Int64, now: Int64) {
            tenants.refuse(need.tenant, rank: need.rank, hold: hold, now: now) { ModelQueue.held(by: need.tenant, workers) }
        }

        mutating func take(_ ticket: QueueTicket, now: Int64) -> Waiting? {
            guard let request = waiting.removeValue(forKey: ticket) else { return nil }
            tenants.remove(request.need.tenant, rank: request.need.rank, now: now)
            return request
        }

        mutating func seeTenants(now: Int64) {
            tenants.see(now: now) { [workers] tenant in ModelQueue.held(by: tenant, workers) }
        }
    }

    /// Nobody waits.
    var isEmpty: Bool { count.load(ordering: .sequentiallyConsistent) == 0 }

    /// A table names these workers from now on.
    func serve(from workers: [Worker]) {
        state.withLock { $0.workers = workers }
    }

    // MARK: What was seen

    func notePrefill(promptTokens: Int, took: Int64) {
        let bucket = PrefillEstimate.bucket(promptTokens)
        let mean = prefills[bucket].load(ordering: .relaxed)
        prefills[bucket].store(PrefillEstimate.moved(mean, by: took), ordering: .relaxed)
    }

    func prefill(promptTokens: Int) -> Int64 {
        PrefillEstimate.microseconds(PrefillEstimate.bucket(promptTokens)) { prefills[$0].load(ordering: .relaxed) }
    }

    /// How long a request holds a slot on average.
    var holdTime: Int64 { meanHold.load(ordering: .relaxed) }

    // MARK: Headroom

    /// A request asks for a place.
    func note(_ need: PlaceNeed, now: Int64) { mixes[need.rank].note(need.tenant, now: now) }

    /// What its tenant holds of the workers that it may use leaves enough of them free for the others of its tier. Without it the request asks the queue, which
    /// knows who holds the most.
    func leavesHeadroom(_ question: Router.Question) -> Bool { leavesHeadroom(question, neighbours: nil) }

    private func leavesHeadroom(_ question: Router.Question, neighbours: QueueTenants.Neighbours?, asked: Int = 0) -> Bool {
        guard let need = question.need, mixes[need.rank].isMixed(now: question.now) else { return true }
        return question.lane.leavesHeadroom(need, neighbours: neighbours, asked: asked)
    }

    /// - Parameter asked: Places that are on their way to its tenant.
    private func isReserved(_ waiting: Waiting, _ tenants: QueueTenants, asked: Int = 0) -> Bool {
        guard let neighbours = tenants.neighbours(of: waiting.need.tenant, rank: waiting.need.rank) else { return false }
        return !leavesHeadroom(waiting.question, neighbours: neighbours, asked: asked)
    }

    private static func held(by tenant: UInt64, _ workers: [Worker]) -> Int { workers.reduce(0) { $0 + $1.tally.holding(tenant).places } }

    // MARK: In and out

    /// Takes a request in, or says why not. It is told the rest on its loop, in a later turn.
    func enter(_ request: QueuedRequest, _ waiting: Waiting, hold: Int64, now: Int64) -> RequestQueue.Arrival {
        let (arrival, notices, starts) = state.withLock { state -> (RequestQueue.Arrival, [Notice], Bool) in
            let isPumped = state.isPumped
            let capacity = state.capacity ?? capacity(state)
            let arrival = state.queue.arrive(request, capacity: capacity, now: now)
            guard case .waits(let ticket, let instead) = arrival else {
                state.turnAway(waiting.need, hold: holdTime, now: now)
                guard request.displaces else { return (arrival, [], false) }
                state.wants.note(waiting.question, at: state.workers, now: now)
                return (arrival, wanted(&state, now: now), false)
            }
            state.put(ticket, waiting, now: now)
            var notices: [Notice] = []
            if let instead, let other = state.take(instead, now: now) {
                notices.append(.refused(other, retryAfter: state.queue.retryAfter(capacity), isUnreachable: false))
            }
            count.store(state.queue.count, ordering: .sequentiallyConsistent)
            // Others may wait for what this one does not need.
            notices += isPumped ? serveAll(&state, hold: hold, now: now) : turn(&state, hold: hold, now: now)
            return (arrival, notices, !isPumped && state.isPumped)
        }
        tell(notices)
        if starts { schedule(on: waiting.eventLoop, hold: hold) }
        return arrival
    }

    /// The request waits no longer. What is already under way to it still comes.
    func leave(_ ticket: QueueTicket, now: Int64) {
        state.withLock { state in
            guard state.take(ticket, now: now) != nil else { return }
            state.queue.leave(ticket, now: now)
            count.store(state.queue.count, ordering: .sequentiallyConsistent)
        }
    }

    /// A slot of the worker is free again after so long.
    func freed(_ worker: Worker, held: Int64, now: Int64) {
        let mean = meanHold.load(ordering: .relaxed)
        meanHold.store(mean == 0 ? held : mean + (held - mean) / 16, ordering: .relaxed)
        guard !isEmpty else { return }
        let notices = state.withLock { state -> [Notice] in
            var notices = expire(&state, isUnreachable: false, now: now)
            var view = RotationView()
            if worker.isReachable { notices += serve(worker, &state, &view, now: now) }
            return notices
        }
        tell(notices)
    }

    /// A request that was begun from here is over.
    func settle(_ line: QueuedRequest.Line, tenant: String, expected: ServedTokens, used: ServedTokens) {
        guard !isEmpty else { return }
        state.withLock { $0.queue.settle(line, tenant: tenant, expected: expected, used: used) }
    }

    // MARK: Turns

    private func schedule(on eventLoop: any EventLoop, hold: Int64) {
        eventLoop.scheduleTask(in: ModelQueue.pump) { [self] in
            let now = NIODeadline.now().microseconds
            let (notices, goesOn) = state.withLock { state in
                state.seeTenants(now: now)
                let notices = turn(&state, hold: hold, now: now)
                return (notices, state.isPumped)
            }
            tell(notices)
            if goesOn { schedule(on: eventLoop, hold: hold) }
        }
    }

    private func turn(_ state: inout State, hold: Int64, now: Int64) -> [Notice] {
        let notices = serveAll(&state, hold: hold, now: now)
        let capacity = capacity(state)
        state.asked = askForPlaces(state, capacity, now: now)
        state.capacity = state.queue.count > 0 ? capacity : nil
        return notices + wanted(&state, now: now)
    }

    private func serveAll(_ state: inout State, hold: Int64, now: Int64) -> [Notice] {
        let workers = state.workers
        let isUnreachable = !workers.contains { $0.isReachable }
        var notices = expire(&state, isUnreachable: isUnreachable, now: now)
        if isUnreachable, !ModelQueue.mayReturn(workers, within: hold, now: now) { return notices + refuseAll(&state, now: now) }
        if workers.contains(where: { $0.isReachable && $0.load.map { $0.placesWanted > 0 } ?? false }) { state.queue.noteRiskElsewhere(now: now) }
        var view = RotationView()
        for worker in workers where worker.hasSlot && state.queue.count > 0 && worker.isReachable {
            notices += serve(worker, &state, &view, now: now)
        }
        return notices
    }

    /// Begins requests at the worker as long as it has room and somebody can use it.
    private func serve(_ worker: Worker, _ state: inout State, _ view: inout RotationView, now: Int64) -> [Notice] {
        var notices: [Notice] = []
        var queue = RequestQueue()
        swap(&queue, &state.queue)
        while worker.hasSlot, let start = queue.take(at: worker.entry.id, now: now, fit: { fit(state.waiting[$0], worker, state.tenants, &view) }) {
            guard let waiting = state.take(start.ticket, now: now) else { continue }
            // Only a request that came in this very moment, on another loop, can have been quicker.
            if !worker.take(waiting.need) { worker.force(waiting.need) }
            notices.append(.placed(waiting, worker, start.expected))
        }
        swap(&queue, &state.queue)
        count.store(state.queue.count, ordering: .sequentiallyConsistent)
        return notices
    }

    /// One of the workers was there a moment ago: it is likely to come back, or another in its place.
    static func mayReturn(_ workers: [Worker], within hold: Int64, now: Int64) -> Bool {
        workers.contains { worker in worker.load?.lostFor(now: now).map { $0 < hold } ?? false }
    }

    private func fit(_ waiting: Waiting?, _ worker: Worker, _ tenants: QueueTenants, _ view: inout RotationView) -> QueueFit {
        guard let waiting, waiting.question.allows(worker, &view), worker.hasSlot(for: waiting.need) else { return .never }
        // One that is out of rotation is for those who may go to nobody else.
        guard !worker.tally.isAvoided || !view.hasFresh(waiting.question) else { return .never }
        guard !isReserved(waiting, tenants) else { return .reserved }
        return worker.hasRoom(for: waiting.need) ? .yes : .full
    }

    private func expire(_ state: inout State, isUnreachable: Bool, now: Int64) -> [Notice] {
        let late = state.queue.expire(now: now)
        guard !late.isEmpty else { return [] }
        count.store(state.queue.count, ordering: .sequentiallyConsistent)
        let after = state.queue.retryAfter(capacity(state))
        return late.compactMap { ticket in
            state.take(ticket, now: now).map { .refused($0, retryAfter: after, isUnreachable: isUnreachable) }
        }
    }

    /// Nobody has come back in time.
    private func refuseAll(_ state: inout State, now: Int64) -> [Notice] {
        let notices = state.waiting.values.map { Notice.refused($0, retryAfter: 1_000_000, isUnreachable: true) }
        for ticket in Array(state.waiting.keys) {
            state.queue.leave(ticket, now: now)
            _ = state.take(ticket, now: now)
        }
        count.store(0, ordering: .sequentiallyConsistent)
        return notices
    }

    private func capacity(_ state: State) -> QueueCapacity {
        var capacity = QueueCapacity(slots: 0, holdTime: holdTime)
        for worker in state.workers where worker.isReachable {
            capacity.slots += max(1, worker.openSlots)
            capacity.yielding += worker.yielding
        }
        return capacity
    }

    /// Tells each worker how many running requests of shared tiers are to make way there, for requests of protected ones that would be late.
    /// They look four times a second.
    ///
    /// - Returns: How many.
    private func askForPlaces(_ state: State, _ capacity: QueueCapacity, now: Int64) -> Int {
        var left = state.workers.map { $0.isReachable ? $0.tally.yielding : 0 }
        var asked = left.map { _ in 0 }
        var ofTenants: [UInt64: Int] = [:]
        var view = RotationView()
        for ticket in state.queue.late(capacity, now: now) {
            guard let waiting = state.waiting[ticket] else { continue }
            let (question, tenant) = (waiting.question, waiting.need.tenant)
            // Nobody makes way for a place that its tenant has to leave free.
            guard !isReserved(waiting, state.tenants, asked: ofTenants[tenant, default: 0]) else { continue }
            let usable = left.indices.filter { left[$0] > 0 && question.allows(state.workers[$0], &view) }
            guard let most = usable.max(by: { left[$0] < left[$1] }) else { continue }
            ofTenants[tenant, default: 0] += 1
            left[most] -= 1
            asked[most] += 1
        }
        for (worker, count) in zip(state.workers, asked) { worker.tally.ask(forPlaces: count) }
        return asked.reduce(0, +)
    }

    /// What other gateways are asked for, beyond the places that this one makes itself.
    private func wanted(_ state: inout State, now: Int64) -> [Notice] {
        guard state.wants.isDue(now) else { return [] }
        var wants = state.wants
        defer { state.wants = wants }
        let found = wants.take(now: now, workers: state.workers) { foreign in
            var capacity = capacity(state)
            capacity.yielding = state.asked + foreign
            return state.queue.late(capacity, notice: PlaceWants.notice, now: now).dropFirst(state.asked).compactMap { state.waiting[$0]?.question }
        }
        return found.map { .wanted($0.worker, places: $0.places) }
    }

    private func tell(_ notices: [Notice]) {
        for notice in notices {
            switch notice {
            case .wanted(let worker, let places): worker.want(places: places)
            case .placed(let waiting, let worker, let expected):
                waiting.eventLoop.execute { waiting.request.value.placed(at: worker, expected: expected) }
            case .refused(let waiting, let retryAfter, let isUnreachable):
                waiting.eventLoop.execute {
                    waiting.request.value.turnedAway(APIError(isUnreachable ? .noWorkerAvailable : .overCapacity), retryAfter: retryAfter)
                }
            }
        }
    }
}
