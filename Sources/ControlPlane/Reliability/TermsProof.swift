import Domain
import FoundationEssentials
import Postgres

/// What must be there before something is promised, and as long as it is.
enum TermsProof {
    /// What lacks, and the objective at which it lacks; nil: there is none of the kind.
    typealias Gap = (objective: UUID?, kind: ObjectiveKind, text: String)

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
        guard let found = objectives.holding(.availability, for: place) else { return [(nil, .availability, "no objective of availability")] }
        var gaps: [Gap] = []
        if found.objective.targetPpm < terms.availabilityPpm {
            gaps.append((found.id, .availability, "the objective \(found.name) asks for less than \(percent(terms.availabilityPpm))"))
        }
        if found.objective.targetPpm == Objective.million { gaps.append((found.id, .availability, "the objective \(found.name) has no budget")) }
        if !found.raisesBurnAlerts { gaps.append((found.id, .availability, "the objective \(found.name) raises no burn alerts")) }
        return gaps
    }

    private static func latency(
        _ kind: ObjectiveKind, at threshold: Int64, _ objectives: [StoredObjective], _ place: ObjectiveScope
    ) -> [Gap] {
        guard let found = objectives.holding(kind, for: place) else {
            return [(nil, kind, "no objective of \(kind.rawValue)" + (kind == .firstToken ? " with the threshold that its tier counts" : ""))]
        }
        guard let own = found.objective.thresholdMicroseconds, own <= threshold else {
            return [(found.id, kind, "the objective \(found.name) is looser than \(threshold) microseconds")]
        }
        return found.raisesBurnAlerts ? [] : [(found.id, kind, "the objective \(found.name) raises no burn alerts")]
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
        missing += try burst(terms, row)
        if try !row.value("probed", as: Bool.self) { missing.append("no probe in the last hour") }
        return missing
    }

    /// What gateways would refuse within the agreed burst would be nobody's failure.
    ///
    /// - Parameter row: Of a tier, with `burst` and `quota` of a minute's requests, `burst_tokens` and `quota_tokens` of its tokens.
    static func burst(_ terms: TermsVersion, _ row: PostgresRow) throws -> [String] {
        [
            short(terms, "requests", try row.value("burst"), of: try row.value("quota")),
            short(terms, "tokens", try row.value("burst_tokens"), of: try row.value("quota_tokens")),
        ].compactMap(\.self)
    }

    private static func short(_ terms: TermsVersion, _ unit: String, _ burst: Int64, of quota: Int64) -> String? {
        guard burst * 100 < quota * Int64(terms.burstPercent) else { return nil }
        return "gateways let \(burst) \(unit) of this tier come at once, which is less than the agreed burst of \(terms.burstPercent) % of \(quota)"
    }

    static func percent(_ ppm: Int64) -> String { Ratio(ppm, 10_000).shortDecimal(places: 4) + " %" }
}

/// What has been promised stays measured: nothing under a contract in force is made looser than it.
enum KeptPromises {
    private struct Promise {
        var terms: TermsVersion
        var place: ObjectiveScope
        var holder: String
    }

    /// Refuses an objective, as it was just written, that holds for a contract and does not carry it.
    static func check(objective id: UUID, _ connection: PostgresConnection) async throws {
        let objectives = try await ObjectiveStore.active { try await connection.query($0) }
        guard let own = objectives.first(where: { $0.id == id })?.objective else { return }
        for promise in try await promises(connection) {
            // One that has another threshold than the tier's counters holds no more, and then there may be none.
            let isLast = { (gap: TermsProof.Gap) in gap.objective == nil && gap.kind == own.kind && own.scope.covers(promise.place) }
            let gaps = TermsProof.gaps(promise.terms, for: promise.place, objectives).filter { $0.objective == id || isLast($0) }
            if let gap = gaps.first { throw refusal(promise, gap.text) }
        }
    }

    /// Why an objective cannot go: what holds without it does not carry a contract.
    static func blocker(of id: UUID, _ connection: PostgresConnection) async throws -> String? {
        let objectives = try await ObjectiveStore.active { try await connection.query($0) }
        for promise in try await promises(connection) {
            let (with, without) = (objectives, objectives.filter { $0.id != id })
            let known = Set(TermsProof.gaps(promise.terms, for: promise.place, with).map(\.text))
            let gap = TermsProof.gaps(promise.terms, for: promise.place, without).first { !known.contains($0.text) }
            if let gap { return words(promise, gap.text) }
        }
        return nil
    }

    /// Refuses another threshold of a tier than contracts in force are counted against, because their latency would be judged by counters of something
    /// else, and a burst below the one that they agree.
    static func check(tier id: UUID, _ connection: PostgresConnection) async throws {
        let row = try await connection.queryOne(
            """
            SELECT name, ttft_objective_microseconds AS counted, coalesce(burst_requests, requests_per_minute)::bigint AS burst,
                requests_per_minute::bigint AS quota, coalesce(burst_tokens, tokens_per_minute)::bigint AS burst_tokens,
                tokens_per_minute::bigint AS quota_tokens FROM serving.tiers WHERE id = \(id)
            """)
        guard let row else { return }
        let (name, counted): (String, Int64) = (try row.value("name"), try row.value("counted"))
        for promise in try await promises(connection) where promise.terms.tier == name {
            if promise.terms.firstTokenThreshold != counted {
                throw refusal(promise, "its first tokens are counted over \(promise.terms.firstTokenThreshold) microseconds, not \(counted)")
            }
            if let short = try TermsProof.burst(promise.terms, row).first { throw refusal(promise, short) }
        }
    }

    /// Refuses another tier of a tenant than its contracts in force are for.
    static func check(tenant id: UUID, _ connection: PostgresConnection) async throws {
        let row = try await connection.queryOne("SELECT tier FROM serving.tenants WHERE id = \(id)")
        guard let tier = try row?.value("tier", as: String.self) else { return }
        let broken = try await promises(connection).first { $0.place.tenant == id.uuidString.lowercased() && $0.terms.tier != tier }
        if let broken { throw refusal(broken, "it is for the tier \(broken.terms.tier), not \(tier)") }
    }

    private static func refusal(_ promise: Promise, _ gap: String) -> AdminRefusal {
        .conflict("promised", words(promise, gap) + "; other figures need another version of the terms, and an agreement on it")
    }

    private static func words(_ promise: Promise, _ gap: String) -> String {
        "the contract of \(promise.holder) for \(promise.place.model ?? "") in \(promise.place.region ?? "") "
            + "(\(promise.terms.name) version \(promise.terms.version)) would not be measured any more: \(gap)"
    }

    private static func promises(_ connection: PostgresConnection) async throws -> [Promise] {
        let rows = try await connection.query(
            """
            SELECT DISTINCT agreement.terms_id, agreement.model, agreement.region, agreement.tenant_id::text AS tenant, tenants.name AS holder
            FROM reliability.agreement JOIN serving.tenants ON tenants.id = agreement.tenant_id
            WHERE agreement.state <> 'proposed' AND coalesce(agreement.ends_at > now(), true) ORDER BY 5, 2, 3, 1
            """)
        var (known, promises): ([UUID: TermsVersion], [Promise]) = ([:], [])
        for row in rows {
            let id: UUID = try row.value("terms_id")
            if known[id] == nil { known[id] = try await TermsVersion.read(id) { try await connection.queryOne($0) } }
            guard let terms = known[id] else { continue }
            let place = ObjectiveScope(
                tenant: try row.value("tenant"), tier: terms.tier, model: try row.value("model"), region: try row.value("region"))
            promises.append(Promise(terms: terms, place: place, holder: try row.value("holder")))
        }
        return promises
    }
}
