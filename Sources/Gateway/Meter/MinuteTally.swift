import Domain
import PlimsollWire

/// Whose minutes are counted together.
struct MinuteSubject: Sendable, Hashable {
    var tenant: String
    var tier: String
    var model: String
    var region: String
    var isDrill = false
    /// Whose worker answered; empty: nobody's.
    var provider = ""
}

/// Counters of one minute since they were last handed over.
struct MinuteCell: Sendable {
    var outcomes = [Int64](repeating: 0, count: Outcome.allCases.count)
    var firstToken = LatencyCounter()
    var histogram = LatencyHistogram()
    var promptTokens: Int64 = 0
    var completionTokens: Int64 = 0
    var rateLimited: Int64 = 0
    var disconnects: Int64 = 0
    var streams: Int64 = 0
    var queue = LatencyHistogram()
    var lastToken = LatencyCounter()
    var lastTokenHistogram = LatencyHistogram()
    var longLastTokenHistogram = LatencyHistogram()
    var retrieval = LatencyHistogram()
    var retrievedFirstToken = LatencyHistogram()
    var retrievedLastToken = LatencyHistogram()

    mutating func count(_ outcome: Outcome) {
        outcomes[outcome.place] += 1
        switch outcome {
        case .quota, .shed, .throttled: rateLimited += 1
        case .clientAbort: disconnects += 1
        default: break
        }
    }

    mutating func add(_ other: MinuteCell) {
        for place in outcomes.indices { outcomes[place] += other.outcomes[place] }
        firstToken = firstToken + other.firstToken
        histogram.merge(other.histogram)
        promptTokens += other.promptTokens
        completionTokens += other.completionTokens
        rateLimited += other.rateLimited
        disconnects += other.disconnects
        streams += other.streams
        queue.merge(other.queue)
        lastToken = lastToken + other.lastToken
        lastTokenHistogram.merge(other.lastTokenHistogram)
        longLastTokenHistogram.merge(other.longLastTokenHistogram)
        retrieval.merge(other.retrieval)
        retrievedFirstToken.merge(other.retrievedFirstToken)
        retrievedLastToken.merge(other.retrievedLastToken)
    }

    /// An admitted request that has ended.
    mutating func count(_ completion: Completion, _ outcome: Outcome) {
        let evidence = completion.evidence
        let objective = completion.admission.subject.firstTokenObjective
        count(outcome)
        promptTokens += Int64(evidence.promptTokens)
        completionTokens += Int64(evidence.completionTokens)
        queue.add(completion.queuedFor)
        if completion.admission.stream { streams += 1 }
        if outcome == .good { countLastToken(evidence, objective: completion.admission.subject.lastTokenObjective) }
        if let time = completion.retrieval { count(retrieval: time, evidence, outcome) }
        guard let sample = FirstTokenSample(evidence, objectiveMicroseconds: objective) else { return }
        firstToken.add(sample.microseconds, threshold: objective)
        histogram.add(sample.microseconds)
    }

    /// What the customer's own users waited: its retrieval and our generation.
    private mutating func count(retrieval time: Int64, _ evidence: RequestEvidence, _ outcome: Outcome) {
        retrieval.add(time)
        guard outcome == .good else { return }
        if let first = evidence.firstTokenAfter { retrievedFirstToken.add(time + first) }
        retrievedLastToken.add(time + evidence.finishedAfter)
    }

    private mutating func countLastToken(_ evidence: RequestEvidence, objective: Int64) {
        if FixedLengthSample.admits(completionTokens: evidence.completionTokens) {
            lastToken.add(evidence.finishedAfter, threshold: objective)
            lastTokenHistogram.add(evidence.finishedAfter)
        } else if FixedLengthSample.admits(completionTokens: evidence.completionTokens, fixedTokens: 2 * FixedLengthSample.defaultTokens) {
            longLastTokenHistogram.add(evidence.finishedAfter)
        }
    }
}

extension Outcome {
    /// Place in a counter array of this process.
    var place: Int {
        switch self {
        case .good: 0
        case .serverError: 1
        case .streamBroken: 2
        case .emptyCompletion: 3
        case .shed: 4
        case .interrupted: 5
        case .maintenance: 6
        case .overLimit: 7
        case .prohibited: 8
        case .quota: 9
        case .clientAbort: 10
        case .clientError: 11
        case .throttled: 12
        }
    }
}

struct MinuteKey: Sendable, Hashable {
    var minute: Int64
    var subject: MinuteSubject
}

/// What one event loop has counted since the last hand-over.
struct MinuteTally {
    private struct Slot: Hashable {
        let minute: Int64
        let subject: ObjectIdentifier
        let provider: String

        /// Of one subject there are few providers in a minute, and a name takes longer to hash than to compare.
        func hash(into hasher: inout Hasher) {
            hasher.combine(minute)
            hasher.combine(subject)
        }
    }

    private struct Entry {
        /// Held, so that no other subject can take over its identity while it is counted.
        let subject: UsageSubject
        var cell = MinuteCell()
    }

    private var entries: [Slot: Entry] = [:]

    var isEmpty: Bool { entries.isEmpty }

    mutating func count(_ completion: Completion, outcome: Outcome) {
        update(completion.admission.subject, completion.target?.provider ?? "", acceptedAt: completion.admission.acceptedAt) {
            $0.count(completion, outcome)
        }
    }

    mutating func refuse(_ subject: UsageSubject, outcome: Outcome, acceptedAt: Int64) {
        update(subject, "", acceptedAt: acceptedAt) { $0.count(outcome) }
    }

    /// Everything counted since the last call.
    mutating func take() -> [MinuteKey: MinuteCell] {
        var cells: [MinuteKey: MinuteCell] = [:]
        for (slot, entry) in entries {
            var subject = entry.subject.minuteKey
            subject.provider = slot.provider
            cells[MinuteKey(minute: slot.minute, subject: subject), default: MinuteCell()].add(entry.cell)
        }
        entries.removeAll(keepingCapacity: true)
        return cells
    }

    /// A probe is in nobody's minutes.
    private mutating func update(_ subject: UsageSubject, _ provider: String, acceptedAt: Int64, _ change: (inout MinuteCell) -> Void) {
        guard subject.purpose != .probe else { return }
        let slot = Slot(minute: UnixMinute.of(microseconds: acceptedAt), subject: ObjectIdentifier(subject), provider: provider)
        change(&entries[slot, default: Entry(subject: subject)].cell)
    }
}

enum UnixMinute {
    /// Floor of the seconds since 1970 over 60.
    static func of(microseconds: Int64) -> Int64 {
        let minute = microseconds / 60_000_000
        return microseconds % 60_000_000 < 0 ? minute - 1 : minute
    }
}

extension MinuteCounters {
    init(_ key: MinuteKey, _ cell: MinuteCell) {
        self.init(
            minute: key.minute, tenant: key.subject.tenant, tier: key.subject.tier, model: key.subject.model, region: key.subject.region,
            provider: key.subject.provider, drill: key.subject.isDrill ? true : nil, firstTokenSamples: cell.firstToken.samples,
            firstTokenOver: cell.firstToken.over, promptTokens: cell.promptTokens,
            completionTokens: cell.completionTokens, rateLimited: cell.rateLimited, disconnects: cell.disconnects,
            firstTokenHistogram: cell.histogram.counts, streams: cell.streams, queueHistogram: cell.queue.counts,
            lastTokenSamples: cell.lastToken.samples, lastTokenOver: cell.lastToken.over,
            lastTokenHistogram: cell.lastTokenHistogram.counts, longLastTokenHistogram: cell.longLastTokenHistogram.counts)
        if !cell.retrieval.counts.isEmpty {
            (retrievalHistogram, retrievedFirstTokenHistogram) = (cell.retrieval.counts, cell.retrievedFirstToken.counts)
            retrievedLastTokenHistogram = cell.retrievedLastToken.counts
        }
        for outcome in Outcome.allCases where cell.outcomes[outcome.place] > 0 {
            outcomes[outcome.rawValue] = cell.outcomes[outcome.place]
        }
    }
}
