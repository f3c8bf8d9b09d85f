import Domain
import FoundationEssentials
import Postgres

/// What the last days say about a promise that is to be made: it must have been kept already.
struct PromiseEvidence: Sendable {
    var days: Int64
    var tally: MinuteTally
    var latency: LatencyHours
    var requests: RequestSums
    /// Of answers of the length that terms are about.
    var lastTokens: LatencyCounter
    private let objective: Ratio

    /// What the days are held against.
    struct Measure: Sendable {
        var days: Int64
        var rule: TrafficRule
        var objective: Ratio
        var firstTokenThreshold: Int64
        var lastTokenThreshold: Int64
    }

    static func gather(_ terms: TermsVersion, model: String, region: String, _ reliability: PostgresPool) async throws -> PromiseEvidence {
        let measure = Measure(
            days: terms.evidenceDays, rule: terms.rule, objective: terms.objective, firstTokenThreshold: terms.firstTokenThreshold,
            lastTokenThreshold: terms.lastTokenThreshold)
        return try await gather(measure, of: MinuteSubject(tier: terms.tier, model: model, region: region), reliability)
    }

    /// Of the service as all tenants of the tier saw it, up to what is closed. Nothing is left out: what was maintenance counts too.
    static func gather(_ measure: Measure, of subject: MinuteSubject, _ reliability: PostgresPool) async throws -> PromiseEvidence {
        let row = try await reliability.queryOne(
            """
            SELECT coalesce((SELECT extract(epoch FROM closed_until)::bigint / 60 FROM reliability.minute_progress),
                extract(epoch FROM now())::bigint / 60) AS closed
            """)
        let closed: Int64 = try row?.value("closed") ?? 0
        let range = closed - measure.days * 1_440..<closed
        let book = MinuteBook(pool: reliability)
        let last = try await book.lastTokens(of: subject, threshold: measure.lastTokenThreshold, in: range)
        return PromiseEvidence(
            days: measure.days, tally: try await book.tally(of: subject, in: range, rule: measure.rule),
            latency: try await book.latency(of: subject, in: range, threshold: measure.firstTokenThreshold, leftOut: []),
            requests: try await book.requests(of: subject, in: range), lastTokens: LatencyCounter(samples: last.total, over: last.bad),
            objective: measure.objective)
    }

    /// Why it does not support the promise; empty when it does.
    var doubts: [String] {
        var doubts: [String] = []
        if let uptime = tally.uptime, uptime < objective {
            doubts.append(
                "uptime of the last \(Counted.text(days, "day")) was \(Self.percent(uptime)), of which \(Counted.text(tally.unmeasured, "minute")) "
                    + "\(tally.unmeasured == 1 ? "was" : "were") not measured")
        }
        if latency.longestRun >= LatencyEpisodes.creditHours {
            doubts.append("the first token was late for \(Counted.text(latency.longestRun, "hour")) on end")
        }
        doubts += late("the first token", latency.whole) + late("the last of 256 tokens", lastTokens)
        return doubts
    }

    /// The percentile of all these days, which is what the terms say; too little measured says nothing for it.
    private func late(_ what: String, _ counter: LatencyCounter?) -> [String] {
        guard let counter, counter.samples >= LatencyEpisodes.minimumSamples else {
            return ["\(what) was not measured: fewer than \(LatencyEpisodes.minimumSamples) requests or probes in \(Counted.text(days, "day"))"]
        }
        guard counter.isBreach == true else { return [] }
        return ["\(what) was late in \(counter.over) of \(counter.samples), which is more than one in twenty"]
    }

    var document: String {
        let uptime = tally.uptime.map { "[\($0.numerator),\($0.denominator)]" } ?? "null"
        return "{\"days\":\(days),\"minutes\":\(tally.minutes),\"bad\":\(tally.allBad),\"unmeasured\":\(tally.unmeasured),\"uptime\":\(uptime),"
            + "\"first_tokens\":\(Self.text(latency.whole)),\"last_tokens\":\(Self.text(lastTokens)),"
            + "\"longest_late_run_hours\":\(latency.longestRun),\"requests\":\(requests.good + requests.bad + requests.excluded),"
            + "\"doubts\":[\(doubts.map(AdminJSON.string).joined(separator: ","))]}"
    }

    private static func text(_ counter: LatencyCounter?) -> String {
        counter.map { "{\"samples\":\($0.samples),\"late\":\($0.over)}" } ?? "null"
    }

    private static func percent(_ ratio: Ratio) -> String { (ratio * Ratio(100, 1)).decimal(places: 3) + " %" }
}
