import Domain
import FoundationEssentials
import Postgres

/// A month of an agreement: what was measured, what the terms make of it, and what it comes to. Every figure is kept, so that anyone can do it again.
struct CreditComputation: Sendable {
    var agreement: Agreement
    var terms: TermsVersion
    /// Such as 2026-06.
    var month: String
    var monthMinutes: MinuteRange
    /// Of the month, what the agreement covers.
    var active: MinuteRange
    var tally: MinuteTally
    var latency: LatencyHours
    var fee: ServiceFee
    /// The leaves of the same minutes, as far as they were fixed when this was computed.
    var roots: EvidenceRoots

    var availabilityPercent: Ratio { tally.uptime.map { terms.credit.percent(uptime: $0) } ?? Ratio(0, 1) }

    var latencyPercent: Int { latency.creditPercent(eachEpisode: terms.latencyPerEpisode, percent: terms.latencyPercent) }

    var totalPercent: Ratio { terms.credit.total([availabilityPercent, Ratio(Int64(latencyPercent), 1)]) }

    var cents: Int128 { fee.cents(percent: totalPercent) }

    /// What an invoice makes of it: nothing as long as later leaves may say something else.
    var status: String {
        guard roots.isComplete else { return "provisional" }
        return cents > 0 ? "issued" : "none"
    }

    /// Everything that the amount follows from, as a JSON object with members in a fixed order.
    var arithmetic: String {
        let counts = [
            ("month", Int64(monthMinutes.count)), ("covered", tally.minutes), ("excluded", tally.excluded), ("eligible", tally.eligible),
            ("good", tally.good), ("good_idle", tally.goodIdle), ("bad", tally.bad), ("bad_idle", tally.badIdle), ("unmeasured", tally.unmeasured),
        ]
        let minutes = counts.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",")
        return "{\"month\":\"\(month)\",\"time_zone\":\(AdminJSON.string(terms.timeZone)),"
            + "\"from\":\"\(UTCMinute.text(active.lowerBound))\",\"until\":\"\(UTCMinute.text(active.upperBound))\","
            + "\"terms\":{\"id\":\"\(terms.id.uuidString.lowercased())\",\"name\":\(AdminJSON.string(terms.name)),\"version\":\(terms.version)},"
            + "\"minutes\":{\(minutes)},\"availability\":\(availability),\"latency\":\(latencyText),\"fee\":\(feeText),"
            + "\"total_percent\":\(Self.text(totalPercent)),\"cap_percent\":\(terms.capPercent),\"amount_cents\":\(cents)}"
    }

    private var availability: String {
        let uptime = tally.uptime.map(Self.text) ?? "null"
        let shortfall = tally.uptime.map { $0 < terms.objective ? Self.text(terms.objective - $0) : Self.text(Ratio(0, 1)) } ?? "null"
        let steps = tally.uptime.map { Self.text(terms.credit.steps(uptime: $0)) } ?? "null"
        return "{\"objective\":\(Self.text(terms.objective)),\"bad_above_ppm\":\(terms.badAbovePpm.map(String.init) ?? "null"),"
            + "\"uptime\":\(uptime),\"shortfall\":\(shortfall),\"counting\":\"\(terms.counting.rawValue)\",\"steps\":\(steps),"
            + "\"percent\":\(Self.text(availabilityPercent))}"
    }

    private var latencyText: String {
        "{\"threshold_microseconds\":\(terms.firstTokenThreshold),\"consecutive_hours_needed\":\(LatencyEpisodes.creditHours),"
            + "\"longest_run_hours\":\(latency.longestRun),\"unmeasured_hours\":\(latency.unmeasuredHours),"
            + "\"per_episode\":\(terms.latencyPerEpisode),\"percent\":\(latencyPercent)}"
    }

    private var feeText: String {
        "{\"currency\":\"USD\",\"monthly_minimum_micro_usd\":\(fee.minimumMicroUsd),\"covered_minutes\":\(fee.activeMinutes),"
            + "\"month_minutes\":\(fee.monthMinutes),\"minimum_usd\":\"\(Rating.text(fee.minimum, places: 12))\","
            + "\"charges_usd\":\"\(Rating.text(fee.charges, places: 12))\",\"requests\":\(fee.requests),\"unpriced_requests\":\(fee.unpriced),"
            + "\"base_usd\":\"\(Rating.text(fee.base, places: 12))\"}"
    }

    /// As numerator and denominator, so that nothing is rounded.
    private static func text(_ ratio: Ratio) -> String { "[\(ratio.numerator),\(ratio.denominator)]" }
}
