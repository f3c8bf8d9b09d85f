import Domain
import Glibc

/// Area HIS: the histogram, and the arithmetic of those that were not taken.
enum HistogramCases {
    static let shapes = [
        CaseShape(required: ["values_us"], compute: buckets),
        CaseShape(required: ["max_us"], compute: size),
        CaseShape(required: ["node_a_us", "node_b_us"], compute: merged),
        CaseShape(required: ["alpha", "value"], compute: floatSketch),
        CaseShape(required: ["schema"], compute: nativeHistogram),
    ]

    private static func bounds(_ index: Int) -> CaseValue {
        let bounds = LatencyHistogram.bounds(of: index)
        return .integers([bounds.lowerBound, bounds.upperBound])
    }

    private static func buckets(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let indexes = try inputs.integers("values_us").map { LatencyHistogram.index(of: $0) }
        return ["index": .integers(indexes.map { Int64($0) }), "bounds": .array(indexes.map(bounds))]
    }

    private static func size(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let greatest = LatencyHistogram.index(of: try inputs.integer("max_us"))
        let worst = (128...max(greatest, 128)).map { index in
            let bounds = LatencyHistogram.bounds(of: index)
            return Ratio(bounds.upperBound - bounds.lowerBound + 1, bounds.lowerBound)
        }.max()
        let percent = worst.map { Ratio($0.numerator * 100, $0.denominator).shortDecimal(places: 6) } ?? "0"
        return ["max_index": .integer(Int64(greatest)), "max_relative_error_pct": .text(percent)]
    }

    /// Reads such as `19x400000,1490000`.
    private static func samples(_ text: String) throws -> [Int64] {
        try text.split(separator: ",").flatMap { part -> [Int64] in
            let numbers = part.split(separator: "x").map { Int64($0) }
            switch (numbers.count, numbers.first ?? nil, numbers.last ?? nil) {
            case (1, let value?, _): return [value]
            case (2, let times?, let value?): return Array(repeating: value, count: Int(times))
            default: throw CaseFault("not a list of samples: \(text)")
            }
        }
    }

    private static func merged(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let nodes = [try samples(try inputs.text("node_a_us")), try samples(try inputs.text("node_b_us"))]
        var histogram = LatencyHistogram()
        var counter = LatencyCounter()
        for node in nodes {
            var own = LatencyHistogram()
            for sample in node {
                own.add(sample)
                counter.add(sample, threshold: 1_500_000)
            }
            histogram.merge(own)
        }
        let rank = Percentile95.rank(count: histogram.total)
        return [
            "n": .integer(histogram.total), "p95_rank": .integer(rank), "p95_bucket_us": histogram.bucket(rank: rank).map(bounds) ?? .null,
            "exact_over_1500000": .integer(counter.over), "allowed": .integer(counter.allowed), "breach": .bool(counter.isBreach ?? false),
        ]
    }

    private static func floatSketch(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let error = try inputs.ratio("alpha")
        let gamma = Ratio(error.denominator + error.numerator, error.denominator - error.numerator)
        let exact = log(Double(try inputs.integer("value"))) / log(Double(gamma.numerator) / Double(gamma.denominator))
        return [
            "gamma": .text(gamma.decimal(places: 10)), "ceil_index_paper": .integer(Int64(exact.rounded(.up))),
            "floor_index_java": .integer(Int64(exact.rounded(.down))),
        ]
    }

    private static func nativeHistogram(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let growths = try inputs.integers("schema").map { exp2(exp2(-Double($0))) }
        return [
            "growth": .texts(growths.map { decimal($0, places: 6) }),
            "max_error_pct": .texts(growths.map { decimal(($0 - 1) / ($0 + 1) * 100, places: 4) }),
        ]
    }

    private static func decimal(_ value: Double, places: Int) -> String {
        Ratio(Int64((value * 1e12).rounded()), 1_000_000_000_000).decimal(places: places)
    }
}
