/// Which workers are out of rotation, judged by the answers that they gave or failed to give: ejection for growing times, return by a probe
/// that is no customer's request, never more than half of a pool, and breakers for a host and for a provider in a region.
///
/// Touched on failures, once a second, and when a table comes; never by a request that goes well. Times are microseconds of one clock.
package struct FleetHealth: Sendable {
    package struct Place: Sendable, Hashable {
        package var model: String
        package var region: String
        package var provider: String
        package var host: String
        /// It takes long prompts, which others do not.
        package var isLong: Bool

        package init(model: String, region: String, provider: String, host: String, isLong: Bool = false) {
            self.model = model
            self.region = region
            self.provider = provider
            self.host = host
            self.isLong = isLong
        }
    }

    /// Why a worker is out.
    package enum Reason: String, Sendable, CaseIterable {
        /// Attempts in a row that brought no byte of an answer.
        case failures
        /// Streams without a token for far longer than its tokens take.
        case stalled
        /// First tokens three times as late as the pool's.
        case slow
        /// Probes of it failed, this gateway's or others'.
        case probes
        /// Most workers of its host are out.
        case host
        /// Most workers of its provider in this region are out.
        case provider
    }

    package enum State: Sendable, Equatable {
        case inRotation
        case out(Reason, until: Int64)
        /// A probe is on its way.
        case onTrial(Reason)
    }

    struct Record: Sendable {
        var place: Place
        var state = State.inRotation
        var failuresInRow = 0
        /// The same of regular probes.
        var probeFailures = 0
        /// Times that it was put out without a calm while between.
        var strikes = 0
        /// When it came or came back; 0: with the first table.
        var since: Int64
        /// When its last time out ended.
        var returnedAt: Int64 = 0

        var isOut: Bool { state != .inRotation }
        var isFailing: Bool { failuresInRow >= FleetHealth.failuresToEject || probeFailures >= FleetHealth.probesToEject }
    }

    package static let failuresToEject = 3
    package static let probesToEject = 2
    /// Nobody in the pool may be slower than this many medians.
    package static let slowFactor: Int64 = 3
    /// After so long in rotation earlier times out are forgotten.
    private static let calm: Int64 = 600_000_000
    /// A probe without an outcome for so long has failed.
    private static let trial: Int64 = 30_000_000

    /// Workers of one model in all regions, for prompts of a length.
    private struct Kin: Sendable, Hashable {
        var model: String
        var isLong: Bool
    }

    /// Those of one region: who can stand in for one another.
    private struct Pool: Sendable, Hashable {
        var kin: Kin
        var region: String

        init(_ place: Place) {
            kin = Kin(model: place.model, isLong: place.isLong)
            region = place.region
        }
    }

    /// Of all that can stand in for a worker.
    package enum PoolHealth: UInt8, Sendable {
        case well
        /// More than half is out or fails: moving a request elsewhere does not help much.
        case troubled
        /// Nobody is known to be well.
        case failing

        init(_ members: [Record]) {
            let bad = members.count { $0.isOut || $0.isFailing }
            self = bad == members.count ? .failing : bad * 2 > members.count ? .troubled : .well
        }
    }

    /// What a gateway's choice must know of a worker.
    package struct Standing: Sendable, Equatable {
        package var worker: String
        package var isAvoided: Bool
        package var pool: PoolHealth
        /// Since when it is in rotation; 0: always.
        package var since: Int64
    }

    private(set) var records: [String: Record] = [:]
    private var pools: [Pool: [String]] = [:]
    private var regions: [Kin: [Pool]] = [:]
    private var changed: Set<Pool> = []
    private var hasTable = false
    private var trialEnds: [String: Int64] = [:]

    private let backoff: Backoff

    /// - Parameter timeOut: The first one; each further one takes twice as long, thirty times as long at most.
    package init(timeOut: Duration = .seconds(10)) {
        backoff = Backoff(first: timeOut, cap: timeOut * 30)
    }

    /// The workers of a new table. Whoever was not in the one before starts slowly, except those of the first.
    package mutating func assign(_ workers: [String: Place], now: Int64) {
        records = records.filter { workers[$0.key] != nil }
        for (id, place) in workers {
            records[id, default: Record(place: place, since: hasTable ? now : 0)].place = place
        }
        pools = Dictionary(grouping: workers.keys) { Pool(records[$0]?.place ?? Place(model: "", region: "", provider: "", host: "")) }
        regions = Dictionary(grouping: pools.keys, by: \.kin)
        changed = Set(pools.keys)
        if !workers.isEmpty { hasTable = true }
    }

    /// Of all workers about which there may be news since the last call.
    package mutating func takeStandings() -> [Standing] {
        // What one pool's failure means depends on the others of its kin.
        let news = Set(changed.flatMap { regions[$0.kin] ?? [] })
        changed = []
        return news.flatMap { pool -> [Standing] in
            let (health, isBelieved) = (health(pool), isBelieved(pool))
            return (pools[pool] ?? []).map { id in
                let record = records[id]
                return Standing(worker: id, isAvoided: isBelieved && record?.isOut == true, pool: health, since: record?.since ?? 0)
            }
        }
    }

    /// How many workers are out, by reason.
    package var outByReason: [Reason: Int] {
        out.values.reduce(into: [:]) { counts, reason in counts[reason, default: 0] += 1 }
    }

    /// Workers that are out, and why.
    package var out: [String: Reason] {
        records.compactMapValues { record in
            switch record.state {
            case .inRotation: nil
            case .out(let reason, _), .onTrial(let reason): reason
            }
        }
    }

    package func state(_ id: String) -> State { records[id]?.state ?? .inRotation }

    /// Since when it is in rotation; 0: always.
    package func since(_ id: String) -> Int64 { records[id]?.since ?? 0 }

    /// Others are to be asked. False for all of a model's pools in which everybody fails: it is not believed that everything died at once, and
    /// the load is spread over all.
    package func isAvoided(_ id: String) -> Bool {
        guard let record = records[id], record.isOut else { return false }
        return isBelieved(Pool(record.place))
    }

    /// Of the pool of a worker.
    package func poolHealth(_ id: String) -> PoolHealth {
        records[id].map { health(Pool($0.place)) } ?? .well
    }

    /// An attempt failed before the first byte of its answer.
    package mutating func failed(_ id: String, now: Int64, using generator: inout some RandomNumberGenerator) {
        guard var record = records[id] else { return }
        record.failuresInRow += 1
        records[id] = record
        guard record.isFailing else { return }
        changed.insert(Pool(record.place))
        eject(id, .failures, now: now, using: &generator)
    }

    /// It gave an answer.
    package mutating func answered(_ id: String) {
        guard let record = records[id], record.failuresInRow > 0 else { return }
        if record.isFailing { changed.insert(Pool(record.place)) }
        records[id]?.failuresInRow = 0
    }

    /// None of its streams has had a token for far longer than usual.
    package mutating func stalled(_ id: String, now: Int64, using generator: inout some RandomNumberGenerator) {
        eject(id, .stalled, now: now, using: &generator)
    }

    /// Puts out whoever is far slower than the others of its pool. Needs three workers with enough answers.
    ///
    /// - Parameter firstTokens: Mean time to the first token by worker, each over at least 20 requests.
    package mutating func judge(firstTokens: [String: Int64], now: Int64, using generator: inout some RandomNumberGenerator) {
        for pool in pools.values {
            let ids = pool.filter { firstTokens[$0] != nil }
            guard ids.count >= 3 else { continue }
            let times = ids.compactMap { firstTokens[$0] }.sorted()
            let median = times[(times.count - 1) / 2]
            for id in ids.sorted() where (firstTokens[id] ?? 0) > median * Self.slowFactor {
                eject(id, .slow, now: now, using: &generator)
            }
        }
    }

    /// Ids of workers whose time is over: each is to be probed once.
    package mutating func probesDue(now: Int64, using generator: inout some RandomNumberGenerator) -> [String] {
        for (id, end) in trialEnds where now >= end { probed(id, succeeded: false, now: now, using: &generator) }
        var due: [String] = []
        for (id, record) in records {
            guard case .out(let reason, let until) = record.state, now >= until else { continue }
            // Still avoided: nobody but the probe may ask it.
            records[id]?.state = .onTrial(reason)
            trialEnds[id] = now + Self.trial
            due.append(id)
        }
        return due.sorted()
    }

    /// A probe came to an end: the worker is back, slowly, or out for longer.
    package mutating func probed(_ id: String, succeeded: Bool, now: Int64, using generator: inout some RandomNumberGenerator) {
        trialEnds[id] = nil
        guard var record = records[id], case .onTrial(let reason) = record.state else { return }
        if succeeded {
            record.state = .inRotation
            record.failuresInRow = 0
            record.probeFailures = 0
            record.since = now
            record.returnedAt = now
            records[id] = record
            changed.insert(Pool(record.place))
        } else {
            putOut(id, reason, now: now, using: &generator)
        }
    }

    /// A regular probe came to an end. Two failures in a row put the worker out; a success brings back who is out for such failures.
    package mutating func examined(_ id: String, succeeded: Bool, now: Int64, using generator: inout some RandomNumberGenerator) {
        guard var record = records[id] else { return }
        guard succeeded else {
            record.probeFailures += 1
            records[id] = record
            if record.probeFailures >= Self.probesToEject { eject(id, .probes, now: now, using: &generator) }
            return changed.formUnion([Pool(record.place)])
        }
        record.probeFailures = 0
        if case .out(.probes, _) = record.state {
            (record.state, record.since, record.returnedAt) = (.inRotation, now, now)
        }
        records[id] = record
        changed.insert(Pool(record.place))
    }

    /// Probes of others failed as often as it takes.
    package mutating func condemn(_ id: String, now: Int64, using generator: inout some RandomNumberGenerator) {
        guard let record = records[id] else { return }
        records[id]?.probeFailures = Self.probesToEject
        changed.insert(Pool(record.place))
        eject(id, .probes, now: now, using: &generator)
    }

    // MARK: Rules

    private func members(_ pool: Pool) -> [Record] {
        (pools[pool] ?? []).compactMap { records[$0] }
    }

    private func health(_ pool: Pool) -> PoolHealth { PoolHealth(members(pool)) }

    /// That its workers which are out are bad: somebody who could stand in for them is well, here or in another region.
    private func isBelieved(_ pool: Pool) -> Bool { health(pool) != .failing || failsAlone(pool) }

    /// Nobody in the pool is well, and in another region somebody is.
    private func failsAlone(_ pool: Pool) -> Bool {
        guard let others = regions[pool.kin], others.count > 1, health(pool) == .failing else { return false }
        return others.contains { $0 != pool && health($0) != .failing }
    }

    /// At most half of a pool, or one of two or three; by probes, which say of each worker what it does, all but those that work. All of one of which
    /// nobody is well, while another region's workers can be asked: whoever may go nowhere else still comes here.
    private func mayEject(_ id: String, from place: Place, byProbes: Bool) -> Bool {
        if failsAlone(Pool(place)) { return true }
        let members = members(Pool(place))
        guard !byProbes else {
            return pools[Pool(place)]?.contains { $0 != id && records[$0]?.isOut == false && records[$0]?.isFailing == false } ?? false
        }
        return members.count { $0.isOut } < min(max(members.count / 2, 1), members.count - 1)
    }

    private mutating func eject(_ id: String, _ reason: Reason, now: Int64, using generator: inout some RandomNumberGenerator) {
        guard let record = records[id], !record.isOut, mayEject(id, from: record.place, byProbes: reason == .probes) else { return }
        putOut(id, reason, now: now, using: &generator)
        guard [.failures, .stalled, .probes].contains(reason) else { return }
        let byProbes = reason == .probes
        trip(.host, byProbes: byProbes, now: now, using: &generator) { $0.host == record.place.host }
        trip(.provider, byProbes: byProbes, now: now, using: &generator) {
            $0.provider == record.place.provider && $0.region == record.place.region
        }
    }

    private mutating func putOut(_ id: String, _ reason: Reason, now: Int64, using generator: inout some RandomNumberGenerator) {
        guard var record = records[id] else { return }
        if record.state == .inRotation, now - record.returnedAt > Self.calm { record.strikes = 0 }
        record.strikes += 1
        let time = backoff.delay(afterFailures: record.strikes, using: &generator)
        record.state = .out(reason, until: now + time.components.seconds * 1_000_000 + time.components.attoseconds / 1_000_000_000_000)
        records[id] = record
        changed.insert(Pool(record.place))
    }

    /// Puts out the rest of a host or provider when at least two, and at least half, of its workers are out or failing for reasons of their own.
    private mutating func trip(
        _ reason: Reason, byProbes: Bool, now: Int64, using generator: inout some RandomNumberGenerator, _ belongs: (Place) -> Bool
    ) {
        let members = records.filter { belongs($0.value.place) }
        let bad = members.values.count { $0.isFailing || $0.isOut }
        guard members.count > (reason == .host ? 1 : 2), bad >= 2, bad * 2 >= members.count else { return }
        for id in members.keys.sorted() {
            guard let record = records[id], !record.isOut, mayEject(id, from: record.place, byProbes: byProbes) else { continue }
            putOut(id, reason, now: now, using: &generator)
        }
    }
}
