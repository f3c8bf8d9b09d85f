import Domain
import FoundationEssentials
import Postgres

/// What must be there before something is promised, and as long as it is.
enum TermsProof {
    /// What lacks, and by how much.
    struct Gap: Sendable {
        enum Aspect: Sendable {
            case objective, budget, alerts
            /// Of a tier.
            case threshold, requests, tokens
            /// What customers reach.
            case tier, model, region
        }

        /// Of an objective.
        var kind: ObjectiveKind?
        var aspect: Aspect
        /// A greater one is worse, beside those of the same aspect alone.
        var shortfall: Int64 = 1
        var text: String

        /// There is no objective of the kind.
        static func whole(_ kind: ObjectiveKind, _ text: String) -> Gap { Gap(kind: kind, aspect: .objective, shortfall: .max, text: text) }

        /// Whether the other one is no worse: where there was no objective any is better.
        func covers(_ other: Gap) -> Bool {
            kind == other.kind && (shortfall == .max || aspect == other.aspect && shortfall >= other.shortfall)
        }
    }

    /// Whatever lacks: an objective at least as strict with a budget and burn alerts, the threshold that gateways count, and probes.
    ///
    /// - Parameter place: Who is promised what; nil: whatever the terms are for.
    static func missing(
        _ terms: TermsVersion, for place: ObjectiveScope? = nil, _ connection: PostgresConnection
    ) async throws -> [String] {
        let place = place ?? ObjectiveScope(tier: terms.tier, model: terms.model, region: terms.region)
        let objectives = try await ObjectiveStore.active { try await connection.query($0) }
        return try await gaps(terms, for: place, objectives).map(\.text) + facts(terms, place, connection)
    }

    /// What objectives lack that a promise rests on.
    static func gaps(_ terms: TermsVersion, for place: ObjectiveScope, _ objectives: [StoredObjective]) -> [Gap] {
        availability(terms, place, objectives)
            + latency(.firstToken, at: terms.firstTokenThreshold, objectives, place)
            + latency(.lastToken, at: terms.lastTokenThreshold, objectives, place)
    }

    private static func availability(_ terms: TermsVersion, _ place: ObjectiveScope, _ objectives: [StoredObjective]) -> [Gap] {
        guard let found = objectives.holding(.availability, for: place) else { return [.whole(.availability, "no objective of availability")] }
        let target = found.objective.targetPpm
        var gaps: [Gap] = []
        if target < terms.availabilityPpm {
            let text = "the objective \(found.name) asks for less than \(percent(terms.availabilityPpm))"
            gaps.append(Gap(kind: .availability, aspect: .objective, shortfall: terms.availabilityPpm - target, text: text))
        }
        if target == Objective.million {
            gaps.append(Gap(kind: .availability, aspect: .budget, text: "the objective \(found.name) has no budget"))
        }
        return gaps + alerts(.availability, found)
    }

    private static func latency(
        _ kind: ObjectiveKind, at threshold: Int64, _ objectives: [StoredObjective], _ place: ObjectiveScope
    ) -> [Gap] {
        guard let found = objectives.holding(kind, for: place), let own = found.objective.thresholdMicroseconds else {
            let which = kind == .firstToken ? " with the threshold that its tier counts" : ""
            return [.whole(kind, "no objective of \(kind.rawValue)" + which)]
        }
        guard own > threshold else { return alerts(kind, found) }
        let text = "the objective \(found.name) is looser than \(threshold) microseconds"
        return [Gap(kind: kind, aspect: .objective, shortfall: own - threshold, text: text)] + alerts(kind, found)
    }

    private static func alerts(_ kind: ObjectiveKind, _ found: StoredObjective) -> [Gap] {
        found.raisesBurnAlerts ? [] : [Gap(kind: kind, aspect: .alerts, text: "the objective \(found.name) raises no burn alerts")]
    }

    private static func facts(_ terms: TermsVersion, _ place: ObjectiveScope, _ connection: PostgresConnection) async throws -> [String] {
        let row = try await connection.queryOne(
            """
            SELECT tier.ttft_objective_microseconds AS counted, coalesce(tier.burst_requests, tier.requests_per_minute)::bigint AS burst,
                tier.requests_per_minute::bigint AS quota, coalesce(tier.burst_tokens, tier.tokens_per_minute)::bigint AS burst_tokens,
                tier.tokens_per_minute::bigint AS quota_tokens,
                EXISTS (SELECT 1 FROM reliability.probe_minute WHERE minute_at > now() - interval '1 hour'
                    AND coalesce(model = \(place.model), true) AND coalesce(region = \(place.region), true)) AS probed,
                EXISTS (SELECT 1 FROM pg_timezone_names AS zone WHERE zone.name = \(terms.timeZone)) AS zone_known
            FROM (SELECT 1) AS one LEFT JOIN serving.tiers AS tier ON tier.name = \(terms.tier) AND tier.state <> 'deleted'
            """)
        guard let row else { return [] }
        if try !row.value("zone_known", as: Bool.self) { throw AdminRefusal.fault("time_zone", "must be a zone such as Europe/Berlin") }
        guard let counted = try row.value("counted", as: Int64?.self) else { throw AdminRefusal.fault("tier", "does not exist") }
        var missing: [String] = []
        if counted != terms.firstTokenThreshold {
            missing.append("gateways count first tokens of this tier over \(counted) microseconds, not \(terms.firstTokenThreshold)")
        }
        missing += try burst(terms, row).map(\.text)
        if try !row.value("probed", as: Bool.self) { missing.append("no probe in the last hour") }
        return missing
    }

    /// What gateways would refuse within the agreed burst would be nobody's failure.
    ///
    /// - Parameter row: Of a tier, with `burst` and `quota` of a minute's requests, `burst_tokens` and `quota_tokens` of its tokens.
    static func burst(_ terms: TermsVersion, _ row: PostgresRow) throws -> [Gap] {
        [
            short(terms, .requests, try row.value("burst"), of: try row.value("quota")),
            short(terms, .tokens, try row.value("burst_tokens"), of: try row.value("quota_tokens")),
        ].compactMap(\.self)
    }

    private static func short(_ terms: TermsVersion, _ unit: Gap.Aspect, _ burst: Int64, of quota: Int64) -> Gap? {
        let lack = quota * Int64(terms.burstPercent) - burst * 100
        guard lack > 0 else { return nil }
        let text =
            "gateways let \(burst) \(unit) of this tier come at once, which is less than the agreed burst of \(terms.burstPercent) % of \(quota)"
        return Gap(aspect: unit, shortfall: lack, text: text)
    }

    static func percent(_ ppm: Int64) -> String { Ratio(ppm, 10_000).shortDecimal(places: 4) + " %" }
}
