/// One choice of a worker: a few candidates with what they cost, and the rule that picks one. Kept whole, so that it can be explained later.
package struct RoutingChoice: Sendable {
    package enum Role: String, Sendable {
        /// Has the prompt's beginning in its cache.
        case owner
        /// Where a beginning goes that nobody has.
        case placed
        /// Drawn at random (power of two choices; Mitzenmacher 2001).
        case drawn
    }

    package struct Candidate: Sendable, Equatable {
        /// Number of the worker, never 0.
        package var worker: UInt32
        package var role: Role
        /// Of a slot for an hour, micro-US-dollars; 0: not known.
        package var price: UInt32
        /// As `LoadCost.weighted` tells it.
        package var cost: Int64

        package init(worker: UInt32, role: Role, price: UInt32 = 0, cost: Int64) {
            self.worker = worker
            self.role = role
            self.price = price
            self.cost = cost
        }
    }

    package static let most = AffinityTable.mostOwners + 3

    private var storage = InlineArray<7, Candidate>(repeating: Candidate(worker: 0, role: .drawn, cost: 0))
    package private(set) var count = 0

    package init() {}

    package var candidates: [Candidate] { (0..<count).map { storage[$0] } }

    /// A worker that stands here already keeps its first role.
    package mutating func consider(_ candidate: Candidate) {
        guard count < Self.most, !has(candidate.worker) else { return }
        storage[count] = candidate
        count += 1
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
