/// One choice of a worker: a few candidates with what they cost, and the rule that picks one. Kept whole, so that it can be explained later.
package struct RoutingChoice: Sendable {
    package enum Role: String, Sendable, CaseIterable {
        /// Has the prompt's beginning in its cache.
        case owner
        /// Where a beginning goes that nobody has.
        case placed
        /// Drawn at random (power of two choices; Mitzenmacher 2001).
        case drawn
        /// The queue gave the request its free place.
        case queued
    }

    /// Why a worker that was looked at was no candidate.
    package enum Bar: Int, Sendable, CaseIterable {
        /// No way leads to it, or it is not ready.
        case unreachable
        /// The prompt does not fit its context, or is not likely to.
        case short
        /// Its host failed this request before, or it is of another release than the stream that is to go on.
        case tried
        case full
        /// Out of rotation.
        case avoided
        /// Others come first: by region, provider, or the release whose turn it was.
        case passed
    }

    package struct Candidate: Sendable, Equatable {
        /// Number of the worker, never 0.
        package var worker: UInt32
        package var role: Role
        /// Of a slot for an hour, micro-US-dollars; 0: not known.
        package var price: UInt32
        /// As `LoadCost.weighted` tells it.
        package var cost: Int64
        /// By what the worker is known outside of this process.
        package var mark: WorkerMark

        package init(worker: UInt32, role: Role, price: UInt32 = 0, cost: Int64, mark: WorkerMark = WorkerMark(0)) {
            self.worker = worker
            self.role = role
            self.price = price
            self.cost = cost
            self.mark = mark
        }
    }

    package static let most = AffinityTable.mostOwners + 3

    private var storage = InlineArray<7, Candidate>(repeating: Candidate(worker: 0, role: .drawn, cost: 0))
    package private(set) var count = 0
    /// Place of the candidate that was taken; nil: none was.
    package private(set) var taken: Int?
    /// Workers that the model and the rules of tenant and key allow.
    package var workers: UInt32 = 0
    private var barred = InlineArray<6, UInt32>(repeating: 0)

    package init() {}

    package var candidates: [Candidate] { (0..<count).map { storage[$0] } }

    package subscript(place: Int) -> Candidate { storage[place] }

    /// Of the workers that were looked at, so many were no candidates for this.
    package func barred(_ bar: Bar) -> UInt32 { barred[bar.rawValue] }

    func barred(at place: Int) -> UInt32 { barred[place] }

    package mutating func bar(_ bar: Bar, _ workers: Int = 1) {
        barred[bar.rawValue] &+= UInt32(truncatingIfNeeded: workers)
    }

    /// A worker that stands here already keeps its first role.
    package mutating func consider(_ candidate: Candidate) {
        guard count < Self.most, !has(candidate.worker) else { return }
        append(candidate)
    }

    /// - Precondition: There is room.
    mutating func append(_ candidate: Candidate) {
        storage[count] = candidate
        count += 1
    }

    /// This one is asked.
    package mutating func take(_ worker: UInt32) {
        taken = (0..<count).first { storage[$0].worker == worker }
    }

    mutating func take(at place: Int?) {
        taken = place
    }

    package func has(_ worker: UInt32) -> Bool {
        for at in 0..<count where storage[at].worker == worker { return true }
        return false
    }

    package func role(of worker: UInt32) -> Role? {
        for at in 0..<count where storage[at].worker == worker { return storage[at].role }
        return nil
    }

    /// Number of the worker to ask; nil without candidates. An owner is kept unless it is far dearer than the best, a placement unless it is
    /// dearer; among those that cost about the same the one with the lowest price.
    package var chosen: UInt32? {
        guard let best = cheapest(where: { _ in true }) else { return nil }
        if let owner = cheapest(where: { $0.role == .owner }) {
            if LoadCost.keepsOwner(owner.cost, against: best.cost) { return owner.worker }
        } else if let placed = cheapest(where: { $0.role == .placed }), LoadCost.keepsPlacement(placed.cost, against: best.cost) {
            return lowestPriced(placed).worker
        }
        return lowestPriced(best).worker
    }

    private func cheapest(where fits: (Candidate) -> Bool) -> Candidate? {
        var best: Candidate?
        for at in 0..<count where fits(storage[at]) && storage[at].cost < best?.cost ?? .max { best = storage[at] }
        return best
    }

    private func lowestPriced(_ best: Candidate) -> Candidate {
        let bound = best.cost.addingReportingOverflow(best.cost / 20 + 1000).partialValue
        var choice = best
        for at in 0..<count {
            let candidate = storage[at]
            if candidate.price > 0, candidate.price < choice.price, candidate.cost <= bound { choice = candidate }
        }
        return choice
    }
}
