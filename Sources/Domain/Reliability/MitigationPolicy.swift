/// Decides what is done about troubles and what is taken back, from values alone. Times are seconds of one clock.
///
/// Of troubles, those of the tier that is protected first come first; of steps, those of the runbook. After each step it waits whether that
/// helps. Nothing is taken back before it was held for a while and its trouble has been away for a while, and nothing that was taken back is done
/// again within that time, so that nothing flaps. For a drill's trouble all three go by as much faster as it says.
package struct MitigationPolicy: Sendable {
    /// In force at once for tiers of a rank and greater ones; further ones wait. Lesser tiers' steps keep nobody waiting, nor do those of people, and what does
    /// harm is taken out whatever is in force.
    package var most = 6
    /// A trouble must have lasted for so long.
    package var applySeconds: Int64 = 0
    /// Between two steps against the same trouble.
    package var stepSeconds: Int64 = 30
    package var holdSeconds: Int64 = 300
    package var cleanSeconds: Int64 = 300
    package var lifeSeconds: Int64 = 3_600
    /// A bad release does not come back because the control plane is away for longer than other things live: gateways end by themselves what is not renewed.
    package var rollBackSeconds: Int64 = 604_800
    /// Of one worker, by whomever.
    package var restartsPerHour = 3
    /// A worker that fails for so long after its restart was ordered is not helped by it.
    package var restartSeconds: Int64 = 300
    /// A trouble that was seen within so long is there.
    private static let presence: Int64 = 90

    package init() {}

    /// For so long nothing that was taken back is done again.
    ///
    /// - Parameter haste: Times as fast as usual that it goes by, for a drill.
    package func restSeconds(haste: Int64) -> Int64 { holdSeconds / haste }

    /// For so long it is in force when nobody renews it.
    package func life(of target: MitigationTarget) -> Int64 {
        target.action == .rollBackImage ? max(lifeSeconds, rollBackSeconds) : lifeSeconds
    }

    /// Something that is in force.
    package struct Standing: Sendable {
        package var id: String
        package var target: MitigationTarget
        package var appliedAt: Int64
        package var expiresAt: Int64
        /// Somebody wants it to stay now.
        package var isPinned: Bool
        /// A person did it: the policy leaves it alone.
        package var isManual: Bool
        /// Times as fast as usual that its holding time goes by, for a drill.
        package var haste: Int64
        /// Who was to carry it out said that it could not.
        package var hasFailed: Bool

        package init(
            id: String, target: MitigationTarget, appliedAt: Int64, expiresAt: Int64, isPinned: Bool = false, isManual: Bool = false,
            haste: Int64 = 1, hasFailed: Bool = false
        ) {
            self.id = id
            self.target = target
            self.appliedAt = appliedAt
            self.expiresAt = expiresAt
            self.isPinned = isPinned
            self.isManual = isManual
            self.haste = haste
            self.hasFailed = hasFailed
        }
    }

    package struct Situation: Sendable {
        package var now: Int64
        package var troubles: [Trouble]
        package var fleet: FleetView
        package var standing: [Standing]
        /// When targets were taken back or ran out last.
        package var ended: [MitigationTarget: Int64]
        /// What a person did not want when it was done or asked for.
        package var vetoed: Set<MitigationTarget>
        /// What a person does not want at all.
        package var vetoes: [MitigationVeto]
        /// Proposals that a person has seen or is still to see.
        package var proposed: Set<MitigationTarget>
        /// Ids of scalers that would not take such an order lately.
        package var refused: [MitigationTarget: Set<String>]

        package init(
            now: Int64, troubles: [Trouble], fleet: FleetView, standing: [Standing] = [], ended: [MitigationTarget: Int64] = [:],
            vetoed: Set<MitigationTarget> = [], vetoes: [MitigationVeto] = [], proposed: Set<MitigationTarget> = [],
            refused: [MitigationTarget: Set<String>] = [:]
        ) {
            self.vetoes = vetoes
            self.refused = refused
            self.now = now
            self.troubles = troubles
            self.fleet = fleet
            self.standing = standing
            self.ended = ended
            self.vetoed = vetoed
            self.proposed = proposed
        }

        func isVetoed(_ target: MitigationTarget) -> Bool { vetoed.contains(target) || veto(of: target) != nil }

        /// The veto that holds it, where one does that was given beforehand.
        func veto(of target: MitigationTarget) -> MitigationVeto? {
            guard !vetoes.isEmpty else { return nil }
            let described = fleet.described(target)
            return vetoes.first { $0.meets(described) }
        }
    }

    package enum RevertReason: String, Sendable {
        /// Its trouble has been away for long enough.
        case clean
        /// What it drains is all that is left of a model in a region.
        case lastLeft = "last_left"
        /// Its worker serves again, and is all that is left of a model in a region.
        case restarted
        /// It could not be carried out, or its worker fails as before: the next step of the runbook is due.
        case noHelp = "no_help"
        /// A person does not want it.
        case vetoed
    }

    package enum Decision: Sendable, Equatable {
        /// For the trouble of that id.
        case apply(MitigationTarget, trouble: String, cost: MitigationCost, expiresAt: Int64, order: WorkerOrder? = nil)
        /// A person is asked to do it.
        case propose(MitigationTarget, trouble: String, cost: MitigationCost = .nothing)
        case extend(String, until: Int64)
        case revert(String, RevertReason)
        /// It would be done, and a person does not want it; with the id of the veto where it was given beforehand.
        case withhold(MitigationTarget, trouble: String, veto: String?)
    }

    package func decide(_ situation: Situation) -> [Decision] {
        var turn = Turn(policy: self, situation)
        turn.rescue()
        turn.giveUp()
        // A pool that was called in may be among what was given up.
        turn.rescue()
        turn.takeBack()
        turn.act()
        return turn.decisions
    }

    /// One decision on its way.
    private struct Turn {
        let policy: MitigationPolicy
        var situation: Situation
        let ladder: MitigationLadder
        /// How much the tier is protected that it is about.
        let rank: (Trouble) -> Int
        /// By trouble, in their order.
        let plans: [(trouble: Trouble, targets: [MitigationTarget])]
        /// A person may do these, the policy has no evidence for them.
        let unproven: Set<MitigationTarget>
        var standing: [Standing]
        var decisions: [Decision] = []

        init(policy: MitigationPolicy, _ situation: Situation) {
            self.policy = policy
            self.situation = situation
            let ladder = MitigationLadder(fleet: situation.fleet, standing: situation.standing.map(\.target))
            self.ladder = ladder
            let ranks = Dictionary(situation.fleet.tiers.map { ($0.name, $0.rank) }, uniquingKeysWith: { first, _ in first })
            // What hits all hits those who are protected first.
            let greatest = ranks.values.max() ?? 0
            func rank(_ trouble: Trouble) -> Int { trouble.tier.map { ranks[$0] ?? 0 } ?? greatest }
            self.rank = rank
            plans = situation.troubles.sorted { (rank($1), $0.since, $0.id) < (rank($0), $1.since, $1.id) }.map { ($0, ladder.targets($0)) }
            func rollBacks(_ isMeant: (Trouble) -> Bool) -> Set<MitigationTarget> {
                Set(situation.troubles.filter(isMeant).flatMap(ladder.targets).filter { $0.action == .rollBackImage })
            }
            unproven = rollBacks { $0.release == nil }.subtracting(rollBacks { $0.release != nil })
            standing = situation.standing
        }

        private var now: Int64 { situation.now }

        /// What others failed meanwhile, or a release that was rolled back, must not leave a model with nobody in a region.
        /// What a drill takes comes back at its end, and whose drain changes nothing beside it stays drained.
        mutating func rescue() {
            let fleet = situation.fleet
            let moves = standing.map(\.target).filter(\.action.movesRequests)
            for one in standing where one.target.action.isUrgent && !fleet.places(desertedBy: [one.target], beside: moves).isEmpty { free(one) }
            // Alone each may be well, together not: the youngest of those that drain there goes.
            func youngest() -> Standing? {
                let drains = standing.filter(\.target.action.isUrgent)
                let places = fleet.places(desertedBy: drains.map(\.target), beside: moves)
                return drains.filter { one in fleet.drained(by: one.target).contains { places.contains($0.place) } }
                    .max { ($0.appliedAt, $0.id) < ($1.appliedAt, $1.id) }
            }
            while let one = youngest() { free(one) }
        }

        /// A restart holds its worker only while that serves, which the last one does when it is over.
        private mutating func free(_ one: Standing) {
            revert(one, one.target.action == .restartWorker && runtime(one.target)?.isRestarting == false ? .restarted : .lastLeft)
        }

        /// Restarts that did not help make way for a drain, and what a scaler would not take for a person. What a person wants to stay, stays.
        mutating func giveUp() {
            for one in standing where !one.isPinned && !one.isManual {
                if situation.veto(of: one.target) != nil {
                    revert(one, .vetoed)
                } else if one.hasFailed || isInVain(one) {
                    revert(one, .noHelp)
                }
            }
        }

        private func isInVain(_ one: Standing) -> Bool {
            guard one.target.action == .restartWorker, now - one.appliedAt >= policy.restartSeconds else { return false }
            return runtime(one.target).map { $0.isFaulty && !$0.isRestarting } ?? true
        }

        private func worker(_ target: MitigationTarget) -> FleetView.Worker? { situation.fleet.workers.first { $0.id == target.worker } }

        private func runtime(_ target: MitigationTarget) -> FleetView.Runtime? { worker(target)?.runtime }

        private mutating func revert(_ one: Standing, _ reason: RevertReason) {
            standing.removeAll { $0.id == one.id }
            situation.ended[one.target] = now
            decisions.append(.revert(one.id, reason))
        }

        /// What nobody needs any more goes, what hurts most first, one at a time and a step apart; what is needed lives on. What is pinned is not taken back,
        /// and ends when it was pinned until.
        mutating func takeBack() {
            let lastEnd = situation.ended.values.max() ?? .min
            var mayRevert = lastEnd == .min || now - lastEnd >= policy.stepSeconds
            let order = Dictionary(uniqueKeysWithValues: MitigationAction.runbook.enumerated().map { ($1, $0) })
            for one in standing.sorted(by: { (order[$1.target.action] ?? 0, $0.id) < (order[$0.target.action] ?? 0, $1.id) }) {
                let isNeeded = !one.isManual && (isNeeded(one.target) || isLeantOn(one))
                let life = policy.life(of: one.target)
                if isNeeded, one.expiresAt - now < life / 2 { decisions.append(.extend(one.id, until: now + life)) }
                guard !isNeeded, !one.isPinned, !one.isManual, mayRevert, now - one.appliedAt >= policy.holdSeconds / one.haste else { continue }
                revert(one, .clean)
                mayRevert = false
            }
        }

        /// What was drained lately leaves requests to it alone: that comes back first.
        private func isLeantOn(_ one: Standing) -> Bool {
            guard one.target.action.callsIn else { return false }
            let others = standing.filter { $0.id != one.id }.map(\.target)
            let (drains, moves) = (others.filter(\.action.isUrgent), others.filter(\.action.movesRequests))
            return !situation.fleet.places(desertedBy: drains, beside: moves).isEmpty
        }

        /// A release that was found to be worse does not get better by waiting: it comes back when a person says so, or is gone.
        private func isNeeded(_ target: MitigationTarget) -> Bool {
            if target.action == .rollBackImage { return situation.fleet.workers.contains { $0.release == target.release } }
            return plans.contains { trouble, targets in
                now - trouble.lastSeen < policy.cleanSeconds / trouble.haste && targets.contains(target)
                    && (target.action != .raiseWorkers || trouble.asksForWorkers)
                    && (target.action != .throttleTenant || ladder.mayThrottle(trouble))
            }
        }

        /// One step against each trouble that is there.
        mutating func act() {
            for (trouble, targets) in plans {
                guard now - trouble.lastSeen < min(MitigationPolicy.presence, policy.cleanSeconds / trouble.haste),
                    now - trouble.since >= policy.applySeconds
                else {
                    continue
                }
                propose(targets, trouble)
                let inForce = standing.filter { targets.contains($0.target) }
                let isWaiting = inForce.contains { now - $0.appliedAt < policy.stepSeconds }
                let isHeld = isWaiting || isFull(trouble)
                var next: MitigationTarget?
                for target in targets where canApply(target, trouble) && !(isHeld && !target.action.isUrgent) && !waitsForWorkers(target) {
                    guard situation.isVetoed(target) else {
                        next = target
                        break
                    }
                    decisions.append(.withhold(target, trouble: trouble.id, veto: situation.veto(of: target)?.id))
                }
                guard let next else { continue }
                let expiresAt = now + policy.life(of: next)
                let order = order(next)
                let cost = ladder.cost(next, workers: order?.workers ?? 1)
                decisions.append(.apply(next, trouble: trouble.id, cost: cost, expiresAt: expiresAt, order: order))
                standing.append(Standing(id: "", target: next, appliedAt: now, expiresAt: expiresAt))
            }
        }

        /// What was done about a provider's failing workers has a step's time to help before those that are well are drained with them.
        private func waitsForWorkers(_ target: MitigationTarget) -> Bool {
            guard target.action == .drainProvider else { return false }
            let workers = situation.fleet.drained(by: target)
            guard workers.contains(where: \.isServing) else { return false }
            let ids = Set(workers.map(\.id))
            // Of several the first: one after the other they put it off for a step, not for ever.
            let first = standing.lazy.filter { one in
                [.restartWorker, .drainWorker].contains(one.target.action) && one.target.worker.map(ids.contains) ?? false
            }.map(\.appliedAt).min()
            return first.map { now - $0 < policy.stepSeconds } ?? false
        }

        /// As much is in force as may be. Releases that were rolled back stay so until a person says otherwise, and are not counted.
        private func isFull(_ trouble: Trouble) -> Bool {
            let counted = plans.filter { rank($0.trouble) >= rank(trouble) }.reduce(into: Set<MitigationTarget>()) { $0.formUnion($1.targets) }
            return policy.most
                <= standing.count { one in
                    !one.isManual && !one.target.action.isUrgent && one.target.action != .rollBackImage && counted.contains(one.target)
                }
        }

        private func canApply(_ target: MitigationTarget, _ trouble: Trouble) -> Bool {
            guard isAutomatic(target, trouble), !standing.contains(where: { $0.target == target }) else { return false }
            if let ended = situation.ended[target], now - ended < policy.restSeconds(haste: trouble.haste) { return false }
            switch target.action {
            case .restartWorker: guard mayRestart(target) else { return false }
            // It is drained already.
            case .drainWorker:
                guard !standing.contains(where: { $0.target == MitigationTarget(.restartWorker, worker: target.worker) }) else { return false }
            default: break
            }
            // What is called in goes again: who has only that beside him is left to gateways, which know whom to ask, and to a person.
            let others = standing.map(\.target)
            return [others, others.filter { !$0.action.callsIn }].allSatisfy { situation.fleet.place(lostBy: target, beside: $0) == nil }
        }

        /// Agents start again only what they started, no release is rolled back on a suspicion, nobody is throttled below what was agreed for those who
        /// rank lower, and workers are ordered where somebody takes orders.
        private func isAutomatic(_ target: MitigationTarget, _ trouble: Trouble) -> Bool {
            switch target.action {
            case .restartWorker: runtime(target)?.isRestartable == true
            case .raiseWorkers: trouble.asksForWorkers && order(target) != nil
            case .throttleTenant: ladder.mayThrottle(trouble)
            default: target.action.isAutomatic && !unproven.contains(target)
            }
        }

        private func order(_ target: MitigationTarget) -> WorkerOrder? {
            situation.fleet.order(target, refusedBy: situation.refused[target] ?? [])
        }

        /// A runtime that is at fault, not too often, and one of a model at a time: should restarts be what harms, they harm one.
        private func mayRestart(_ target: MitigationTarget) -> Bool {
            guard let worker = worker(target), worker.runtime.isFaulty, worker.runtime.restartsLately < policy.restartsPerHour else { return false }
            return !situation.fleet.workers.contains { other in
                guard other.model == worker.model else { return false }
                return other.runtime.isRestarting
                    || standing.contains { $0.appliedAt == now && $0.target == MitigationTarget(.restartWorker, worker: other.id) }
            }
        }

        /// What only people can do is said once, when everything before it in the runbook is in force or cannot be; who is drained is to be reviewed at once.
        private mutating func propose(_ targets: [MitigationTarget], _ trouble: Trouble) {
            var isEarly = false
            for target in targets {
                let isVetoed = situation.isVetoed(target)
                isEarly = isEarly || !isVetoed && canApply(target, trouble)
                guard !isEarly || target.action == .reviewProvider && isDrained(target.provider) else { continue }
                guard !isAutomatic(target, trouble), !situation.proposed.contains(target), !isVetoed,
                    !standing.contains(where: { $0.target == target })
                else { continue }
                let isSaid = decisions.contains { if case .propose(target, _, _) = $0 { true } else { false } }
                if !isSaid { decisions.append(.propose(target, trouble: trouble.id, cost: ladder.cost(target))) }
            }
        }

        private func isDrained(_ provider: String?) -> Bool {
            standing.contains { $0.target.action == .drainProvider && $0.target.provider == provider }
        }
    }
}
