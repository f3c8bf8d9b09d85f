/// Who is served where, as minutes are counted.
package struct ServiceName: Sendable, Hashable {
    package var tier: String
    package var model: String
    package var region: String
    /// Traffic that a drill makes, which no promise covers.
    package var isDrill: Bool

    package init(tier: String, model: String, region: String, isDrill: Bool = false) {
        self.isDrill = isDrill
        self.tier = tier
        self.model = model
        self.region = region
    }
}

/// What gateways counted of one minute, of all customers of a service.
package struct ServiceMinute: Sendable, Equatable {
    package var good: Int64 = 0
    package var bad: Int64 = 0
    /// Of the customers' own doing, such as wrong requests and those above a quota.
    package var excluded: Int64 = 0
    /// Of them.
    package var overQuota: Int64 = 0
    /// Of the bad ones.
    package var serverErrors: Int64 = 0
    package var broken: Int64 = 0
    package var shed: Int64 = 0
    /// First tokens, and those that were later than the tier is sold with.
    package var firstTokens = LatencyCounter()
    /// Clients that left before their answer ended.
    package var disconnects: Int64 = 0
    /// Requests that waited for a second or more.
    package var waited: Int64 = 0

    package init() {}

    package var total: Int64 { good + bad }

    package static func + (left: ServiceMinute, right: ServiceMinute) -> ServiceMinute {
        var sum = left
        sum.good += right.good
        sum.bad += right.bad
        sum.excluded += right.excluded
        sum.overQuota += right.overQuota
        sum.serverErrors += right.serverErrors
        sum.broken += right.broken
        sum.shed += right.shed
        sum.firstTokens = left.firstTokens + right.firstTokens
        sum.disconnects += right.disconnects
        sum.waited += right.waited
        return sum
    }

    /// Whether one of the objectives is missed. Nil: nothing is known of it.
    package func isBreached(_ objectives: BreachObjectives) -> Bool? {
        guard total > 0 || firstTokens.samples > 0 else { return nil }
        return objectives.isMissed(self)
            || objectives.firstTokens?.verdict(bad: firstTokens.over, of: firstTokens.samples) == .missed
    }
}

/// The objectives in force for a service that a single minute can miss.
package struct BreachObjectives: Sendable {
    /// Share of requests that failed by our fault.
    private let errors: Objective?
    /// Share of requests refused inside the agreed burst.
    private let refusals: Objective?
    /// What makes a minute a bad one.
    private let rule: TrafficRule?
    let firstTokens: Objective?

    package init(_ objectives: [Objective], for service: ServiceName) {
        let scope = ObjectiveScope(tier: service.tier, model: service.model, region: service.region)
        func holding(_ kind: ObjectiveKind) -> Objective? { Objective.holding(objectives, { $0 }, kind: kind, for: scope) }
        firstTokens = holding(.firstToken)
        errors = holding(.errorRate)
        refusals = holding(.refusalRate)
        rule = holding(.availability)?.rule
    }

    /// Each counts what its budget counts: neither what customers did wrong, nor what another objective is there for.
    func isMissed(_ minute: ServiceMinute) -> Bool {
        let asked = ShareObjective.refusals(minute.shed, aboveBurst: minute.overQuota, requests: minute.total + minute.excluded)
        return errors?.verdict(bad: minute.serverErrors, of: minute.total) == .missed
            || refusals?.verdict(bad: asked.events, of: asked.of) == .missed || isUnavailable(minute)
    }

    /// What no other objective counts, such as broken streams, is left to the availability. Where any failure spoils a minute, every minute of much traffic
    /// is spoiled (reference, section 2.2): that is breached when as many fail so as may by errors.
    private func isUnavailable(_ minute: ServiceMinute) -> Bool {
        let rest = minute.bad - (errors == nil ? 0 : minute.serverErrors) - (refusals == nil ? 0 : minute.shed)
        switch rule {
        case .anyBad: return errors.map { $0.verdict(bad: rest, of: minute.total) == .missed } ?? (rest > 0)
        case .ratio(let threshold): return minute.total > 0 && Ratio(rest, minute.total) > threshold
        case nil: return false
        }
    }
}

/// Reads signals out of the minutes of one service (reference, section 2.14). Minutes are numbered since 1970, the newest is still open.
package struct SignalRules: Sendable {
    package struct Finding: Sendable, Equatable {
        package var signal: IncidentSignal
        /// Seconds since 1970 of the first minute that shows it.
        package var beganAt: Int64
    }

    /// Seconds after its end at which a minute is complete: gateways tell every five.
    static let settling: Int64 = 10
    /// Events below which a share proves nothing.
    private static let least: Int64 = 5
    private static let baseline: Int64 = 10
    /// Late first tokens of the last seconds that open an incident, and those with which it goes on.
    private static let leastLate: Int64 = 10
    private static let leastLateLeft: Int64 = 3

    private let minutes: [Int64: ServiceMinute]
    private let objectives: BreachObjectives
    private let now: Int64
    private let newest: LatencyCounter?

    /// - Parameters:
    ///   - now: Seconds since 1970.
    ///   - newest: First tokens of the last seconds (`RecentFirstTokens.window`); nil: there were none.
    package init(_ minutes: [Int64: ServiceMinute], _ objectives: BreachObjectives, now: Int64, newest: LatencyCounter? = nil) {
        self.minutes = minutes
        self.objectives = objectives
        self.now = now
        self.newest = newest
    }

    /// - Parameter open: Signals with an incident that is open: one breached minute is enough for it to go on, and so are some late first tokens. What had
    ///   to rise goes on for as long as its share is too great: a trouble that lasts is soon all that it could be compared with.
    package func findings(open: Set<IncidentSignal> = []) -> [Finding] {
        let risen = [IncidentSignal.serverErrors, .disconnects, .queueTime].map { rise($0, isOpen: open.contains($0)) }
        return ([breach(isOpen: open.contains(.breachedMinutes)), lateness(isOpen: open.contains(.firstTokenLate))] + risen).compactMap(\.self)
    }

    /// Late first tokens of the last seconds that are most of them, where a twentieth may be: five minutes are not waited for. It goes on until the
    /// objective is met again, so that it does not come and go at the threshold.
    private func lateness(isOpen: Bool) -> Finding? {
        guard let newest, let objective = objectives.firstTokens else { return nil }
        let (over, samples) = (newest.over, newest.samples)
        let isThere =
            isOpen
            ? over >= Self.leastLateLeft && objective.verdict(bad: over, of: samples) == .missed : over >= Self.leastLate && over * 2 > samples
        return isThere ? Finding(signal: .firstTokenLate, beganAt: now - RecentFirstTokens.window) : nil
    }

    private func breach(isOpen: Bool) -> Finding? {
        let newest = (now - Self.settling) / 60 - 1
        var streak = BreachStreak(need: isOpen ? 1 : BreachStreak.shippedNeed)
        for minute in (newest - 14)...newest { _ = streak.note(minutes[minute]?.isBreached(objectives)) }
        guard streak.length >= streak.need else { return nil }
        return Finding(signal: .breachedMinutes, beganAt: (newest - Int64(streak.length) + 1) * 60)
    }

    /// The open minute and the one before.
    private var recent: ServiceMinute { sum((now / 60 - 1)...(now / 60)) }

    private var before: ServiceMinute { sum((now / 60 - 1 - Self.baseline)...(now / 60 - 2)) }

    private func sum(_ range: ClosedRange<Int64>) -> ServiceMinute {
        range.reduce(ServiceMinute()) { sum, minute in minutes[minute].map { sum + $0 } ?? sum }
    }

    private func rise(_ signal: IncidentSignal, isOpen: Bool) -> Finding? {
        func isTooGreat(_ count: (ServiceMinute) -> Int64, above of: Int64, times: Int64) -> Bool {
            isGreat(count, above: of) && (isOpen || hasRisen(count, times: times))
        }
        let isThere =
            switch signal {
            case .serverErrors: isTooGreat(\.serverErrors, above: 20, times: 4)
            case .disconnects: isTooGreat(\.broken, above: 20, times: 4) || isTooGreat(\.disconnects, above: 3, times: 3)
            case .queueTime: isTooGreat(\.shed, above: 50, times: 4) || isTooGreat(\.waited, above: 20, times: 4)
            default: false
            }
        return isThere ? Finding(signal: signal, beganAt: (now / 60 - 1) * 60) : nil
    }

    /// A share that is above one in `of`.
    private func isGreat(_ count: (ServiceMinute) -> Int64, above of: Int64) -> Bool {
        let recent = self.recent
        return count(recent) >= Self.least && count(recent) * of > recent.total + recent.disconnects
    }

    /// A share that is more than `times` what it was.
    private func hasRisen(_ count: (ServiceMinute) -> Int64, times: Int64) -> Bool {
        let (recent, before) = (recent, before)
        return Ratio(count(recent), max(recent.total, 1)) > Ratio(count(before), max(before.total, 1)) * Ratio(times, 1)
    }
}

/// Reads out of what is known of workers which providers and workers are in trouble.
package struct FleetRules: Sendable {
    package struct Condition: Sendable {
        package var worker: String
        package var provider: String
        package var region: String
        package var model: String
        package var isDown: Bool

        package init(worker: String, provider: String, region: String, model: String, isDown: Bool) {
            self.worker = worker
            self.provider = provider
            self.region = region
            self.model = model
            self.isDown = isDown
        }
    }

    package struct Place: Sendable, Hashable {
        package var provider: String
        package var region: String
    }

    /// All of a provider's workers in the region are down, or at least half of them and two: one alone is a worker's trouble, not its provider's.
    package let providers: [Place]
    /// Workers that are down while their provider is not lost.
    package let workers: [Condition]

    package init(_ conditions: [Condition]) {
        let places = Dictionary(grouping: conditions) { Place(provider: $0.provider, region: $0.region) }
        let lost = places.filter { place in
            let down = place.value.count { $0.isDown }
            return down > 0 && (down == place.value.count || down > 1 && down * 2 >= place.value.count)
        }.keys
        providers = lost.sorted { ($0.provider, $0.region) < ($1.provider, $1.region) }
        workers = conditions.filter { $0.isDown && !lost.contains(Place(provider: $0.provider, region: $0.region)) }
            .sorted { $0.worker < $1.worker }
    }
}
