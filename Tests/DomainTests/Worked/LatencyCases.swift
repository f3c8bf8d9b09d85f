import Domain

/// Area LAT: percentiles, exact decisions by counters, hours in a row.
enum LatencyCases {
    static let shapes = [
        CaseShape(required: ["n", "step_us"], compute: nearestRank),
        CaseShape(required: ["n_over"], compute: decisions),
        CaseShape(required: ["ttft_us", "slo_us"], compute: threshold),
        CaseShape(required: ["node_a", "node_b", "slo_s"], compute: mergedNodes),
        CaseShape(required: ["hour_breach"], compute: episodes),
        CaseShape(required: ["half_hour_n_over"], compute: alignment),
        CaseShape(
            required: ["real", "min_samples"], optional: ["probes_hour1", "probes_hour2", "probes_hour3", "probes_hour4"], compute: probedHours),
        CaseShape(required: ["n", "over", "above_burst_n", "above_burst_over"], compute: burst),
        CaseShape(required: ["completion_tokens", "ttlt_us", "slo_us"], compute: fixedLength),
    ]

    private static func counter(_ value: CaseValue) throws -> LatencyCounter {
        let pair = try value.integers()
        guard pair.count == 2 else { throw CaseFault("a counter is two numbers") }
        return LatencyCounter(samples: pair[0], over: pair[1])
    }

    private static func nearestRank(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let (count, step) = (try inputs.integer("n"), try inputs.integer("step_us"))
        let samples = count > 0 ? (1...count).map { $0 * step } : []
        guard let value = Percentile95.value(samples) else { return ["rank": .integer(0), "p95_us": .text("no_data")] }
        return ["rank": .integer(Percentile95.rank(count: count)), "p95_us": .integer(value)]
    }

    private static func decisions(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        ["breach": .optionalBools(try inputs.array("n_over").map { try counter($0).isBreach })]
    }

    private static func threshold(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let objective = try inputs.integer("slo_us")
        let over = try inputs.integers("ttft_us").map { sample in
            var counter = LatencyCounter()
            counter.add(sample, threshold: objective)
            return counter.over == 1
        }
        return ["counts_as_over": .bools(over)]
    }

    private static func mergedNodes(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let nodes = [try inputs.inputs("node_a"), try inputs.inputs("node_b")]
        let percentiles = try nodes.map { try $0.ratio("p95_s") }
        let scale = percentiles.map(\.denominator).max() ?? 1
        let mean = Ratio(percentiles.reduce(0) { $0 + $1.numerator * (scale / $1.denominator) }, scale * Int64(nodes.count))
        let merged = try nodes.map { LatencyCounter(samples: try $0.integer("n"), over: try $0.integer("over")) }.reduce(LatencyCounter(), +)
        return [
            "mean_of_p95_s": .text(mean.shortDecimal(places: 6)), "mean_says_breach": .bool(try mean > inputs.ratio("slo_s")),
            "merged_n": .integer(merged.samples), "merged_over": .integer(merged.over), "allowed": .integer(merged.allowed),
            "true_breach": merged.isBreach.map { .bool($0) } ?? .text("no_data"),
        ]
    }

    private static func episodes(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let histories = try inputs.array("hour_breach").map { try $0.array().map { hour in hour == .text("no_data") ? nil : try hour.bool() } }
        return [
            "longest": .integers(histories.map { Int64(LatencyEpisodes.longestRun($0)) }),
            "latency_credit_pct": .integers(histories.map { Int64(LatencyEpisodes.creditPercent($0, eachEpisode: false)) }),
            "per_episode_option_pct": .integers(histories.map { Int64(LatencyEpisodes.creditPercent($0, eachEpisode: true)) }),
        ]
    }

    private static func alignment(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let slots = try inputs.array("half_hour_n_over").map { try counter($0) }
        let clock = LatencyEpisodes.hours(slots: slots, slotsPerHour: 2, offset: 0)
        let longest = LatencyEpisodes.longestRun(slots: slots, slotsPerHour: 2)
        return [
            "clock_aligned": .optionalBools(clock), "clock_longest": .integer(Int64(LatencyEpisodes.longestRun(clock))),
            "aligned_at_30": .optionalBools(LatencyEpisodes.hours(slots: slots, slotsPerHour: 2, offset: 1)),
            "any_alignment_longest": .integer(Int64(longest)), "credit": .bool(longest >= LatencyEpisodes.creditHours),
        ]
    }

    private static func probedHours(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let minimum = try inputs.integer("min_samples")
        let hours = try inputs.array("real").enumerated().map { position, real in
            let probes = try inputs.values["probes_hour\(position + 1)"].map { try counter($0) }
            return LatencyEpisodes.verdict(requests: try counter(real), probes: probes, minimum: minimum)
        }
        let longest = LatencyEpisodes.longestRun(hours)
        return [
            "hour_breach": .optionalBools(hours), "longest": .integer(Int64(longest)),
            "credit": .bool(longest >= LatencyEpisodes.creditHours),
        ]
    }

    private static func burst(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let all = LatencyCounter(samples: try inputs.integer("n"), over: try inputs.integer("over"))
        let above = LatencyCounter(samples: try inputs.integer("above_burst_n"), over: try inputs.integer("above_burst_over"))
        let verdicts = CaseValue.optionalBools([all.isBreach, (all - above).isBreach])
        let pair = try verdicts.array()
        return ["with_burst": pair[0], "without_burst": pair[1]]
    }

    private static func fixedLength(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let (tokens, times) = (try inputs.integers("completion_tokens"), try inputs.integers("ttlt_us"))
        guard tokens.count == times.count else { throw CaseFault("as many times as token counts") }
        let objective = try inputs.integer("slo_us")
        let admitted = tokens.map { FixedLengthSample.admits(completionTokens: Int($0)) }
        var counter = LatencyCounter()
        for (time, counts) in zip(times, admitted) where counts { counter.add(time, threshold: objective) }
        return ["admitted": .bools(admitted), "n": .integer(counter.samples), "over": .integer(counter.over)]
    }
}
