import Cryptography
import Domain

/// Areas INC, PRV and EVD: incidents, providers' scores, evidence.
enum IncidentCases {
    static let shapes = [
        CaseShape(required: ["breach_minutes", "need"], compute: streak),
        CaseShape(required: ["dedup_key", "triggers"], compute: dedup),
        CaseShape(required: ["resolved_at"], compute: due),
        CaseShape(required: ["steps"], compute: publicStates),
        CaseShape(required: ["bad", "budget"], compute: burn),
    ]

    private static func streak(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        var streak = BreachStreak(need: Int(try inputs.integer("need")))
        let opening = try inputs.integers("breach_minutes").firstIndex { streak.note($0 != 0) }
        return ["opens_at_minute": opening.map { .integer(Int64($0)) } ?? .null]
    }

    private static func dedup(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        var book = OpenIncidents()
        let key = try inputs.text("dedup_key")
        // What shows within a minute is the same occurrence.
        let signs = (0..<(try inputs.integer("triggers"))).map { book.trigger(key, at: Double($0 * 61)) }
        return ["incidents": .integer(Int64(signs.count { $0 == .opens })), "occurrences": .integer(Int64(signs.count { $0 != .goesOn }))]
    }

    private static func due(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        ["due": .text(CaseInstant.text(IncidentRules.postmortemDue(resolvedAt: try inputs.instant("resolved_at"))))]
    }

    private static func publicStates(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let states = try inputs.array("steps").map { name in
            guard let step = IncidentStep(rawValue: try name.text()) else { throw CaseFault("\(name) is no step") }
            return step.publicStatus.rawValue
        }
        return ["public": .texts(states)]
    }

    private static func burn(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let share = Ratio(try inputs.integer("bad"), 1) / (try inputs.ratio("budget"))
        return ["burn_pct": .text((share * Ratio(100, 1)).decimal(places: 2))]
    }
}

enum ProviderCases {
    static let shapes = [
        CaseShape(required: ["ok_newest_first_value_x_days", "probes_per_day", "half_life_days", "prior"], compute: history),
        CaseShape(required: ["ok", "n", "prior"], compute: newcomer),
        CaseShape(
            required: ["A", "rtt_ms", "rtt_good", "rtt_max", "preempt_undrained", "preempt_total", "hourly_prices"], compute: points),
        CaseShape(required: ["base", "hours"], compute: penalty),
        CaseShape(required: ["last_probe_age_h"], compute: stale),
    ]

    private static func decimal(_ value: Double, _ places: Int) -> CaseValue {
        .text(Ratio(Int64((value * 1e12).rounded()), 1_000_000_000_000).decimal(places: places))
    }

    private static func number(_ value: CaseValue) throws -> Double {
        switch value {
        case .integer(let number): Double(number)
        case .real(let number): number
        default: try Double(try value.text()) ?? { throw CaseFault("\(value) is no number") }()
        }
    }

    private static func verify(prior text: String) throws {
        guard text == "\(ProviderScore.priorSuccess) x \(Int(ProviderScore.priorStrength))" else { throw CaseFault("another prior: \(text)") }
    }

    private static func history(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        try verify(prior: try inputs.text("prior"))
        let probes = Double(try inputs.integer("probes_per_day"))
        let days = try inputs.array("ok_newest_first_value_x_days").flatMap { pair in
            let counts = try pair.integers()
            return Array(repeating: ProviderScore.Day(successes: Double(counts[0]), probes: probes), count: Int(counts[1]))
        }
        let success = ProviderScore.success(days, halfLifeDays: try number(try inputs.value("half_life_days")))
        return ["p": decimal(success, 6), "availability_score": decimal(ProviderScore.availability(success: success), 6)]
    }

    private static func newcomer(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        try verify(prior: try inputs.text("prior"))
        let success = ProviderScore.success([.init(successes: Double(try inputs.integer("ok")), probes: Double(try inputs.integer("n")))])
        let availability = ProviderScore.availability(success: success)
        // Even with everything else at its best.
        let best = ProviderScore(availability: availability, latency: 1, preemption: 1, price: 1).points
        return [
            "p": decimal(success, 6), "availability_score": decimal(availability, 6),
            "paid_tier": .bool(PaidTierGate.admits(points: best, isAdmitted: true, cleanProbes: Int(try inputs.integer("ok")))),
        ]
    }

    private static func points(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let latency = ProviderScore.latency(
            milliseconds: try number(try inputs.value("rtt_ms")), good: try number(try inputs.value("rtt_good")),
            most: try number(try inputs.value("rtt_max")))
        let preemption = ProviderScore.preemption(
            undrained: Int(try inputs.integer("preempt_undrained")), total: Int(try inputs.integer("preempt_total")))
        let price = ProviderScore.price(hourly: try inputs.array("hourly_prices").map(number))
        let score = ProviderScore(availability: try number(try inputs.value("A")), latency: latency, preemption: preemption, price: price)
        return [
            "L": decimal(latency, 6), "P": decimal(preemption, 6), "S": decimal(price, 6), "score": decimal(score.points, 2),
            "paid_tier": .bool(PaidTierGate.admits(points: score.points, isAdmitted: true, cleanProbes: 0)),
        ]
    }

    private static func penalty(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let base = try number(try inputs.value("base"))
        let effective = try inputs.array("hours").map { ProviderScore.penalized(base, hoursSinceIncident: try number($0)) }
        return [
            "effective": .array(effective.map { decimal($0, 2) }),
            "readmit": .bools(effective.map { PaidTierGate.admits(points: $0, isAdmitted: false, cleanProbes: PaidTierGate.cleanProbes) }),
        ]
    }

    private static func stale(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let isStale = PaidTierGate.isStale(hoursSinceProbe: try number(try inputs.value("last_probe_age_h")))
        guard isStale else { throw CaseFault("a score needs more than the age of its last probe") }
        return ["score": .null, "routable": .bool(PaidTierGate.admits(points: nil, isAdmitted: true, cleanProbes: 1_000))]
    }
}

enum EvidenceCases {
    static let shapes = [
        CaseShape(required: ["entries"], compute: tree),
        CaseShape(required: ["leaves"], compute: leaves),
        CaseShape(required: ["changed_leaf"], compute: edited),
        CaseShape(required: ["month", "leaves"], compute: whole),
    ]
    private static let published = [
        "v1|acme|pro-8b|eu|2026-06-01T00:00Z|120|0|3|120|4|good", "v1|acme|pro-8b|eu|2026-06-01T00:01Z|119|1|0|119|5|bad",
        "v1|acme|pro-8b|eu|2026-06-01T00:02Z|0|0|0|0|0|good:idle",
    ]

    private static func hex(_ digest: SHA256Digest) -> CaseValue { .text(digest.description) }

    private static func tree(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let leaves = try inputs.array("entries").map { MerkleTree.leafHash(try $0.text().utf8) }
        return ["root": hex(MerkleTree.root(leaves[...])), "empty_leaf": hex(MerkleTree.leafHash([UInt8]()))]
    }

    private static func hashes(_ texts: [String]) throws -> [SHA256Digest] {
        try texts.map { text in
            guard let leaf = MinuteLeaf(text) else { throw CaseFault("\(text) is no leaf") }
            return leaf.hash
        }
    }

    private static func leaves(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let hashes = try hashes(try inputs.array("leaves").map { try $0.text() })
        var results: [String: CaseValue] = ["root": hex(MerkleTree.root(hashes[...]))]
        for (index, hash) in hashes.enumerated() {
            results["leaf_\(index)"] = hex(hash)
            results["inclusion_path_\(index)"] = .array(MerkleTree.inclusionPath(index, hashes[...]).map(hex))
        }
        return results
    }

    /// The bad request of the second published minute becomes a good one.
    private static func edited(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let index = Int(try inputs.integer("changed_leaf"))
        guard published.indices.contains(index), let leaf = MinuteLeaf(published[index]) else { throw CaseFault("no leaf \(index)") }
        let changed = MinuteLeaf(
            tenant: leaf.tenant, model: leaf.model, region: leaf.region, minute: leaf.minute, good: leaf.good + leaf.bad, bad: 0,
            excluded: leaf.excluded, firstTokens: leaf.firstTokens, status: .good)
        var texts = published
        texts[index] = changed?.text ?? ""
        let (before, after) = (MerkleTree.root(try hashes(published)[...]), MerkleTree.root(try hashes(texts)[...]))
        return ["root": hex(after), "matches_published": .bool(before == after)]
    }

    private static func whole(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let month = try inputs.month("month")
        return [
            "expected": .integer(MonthEvidence.minutes(month)),
            "missing": .integer(MonthEvidence.missing(month, leaves: try inputs.integer("leaves"))),
            "missing_counts_as": .text(MinuteStatus.unmeasured.rawValue),
        ]
    }
}
