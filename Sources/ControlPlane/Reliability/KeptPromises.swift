import Domain
import FoundationEssentials
import Postgres

/// What has been promised stays what the customer has, and measured: no change takes from a contract in force what it rests on. What lacked before may lack
/// after it, and may be mended step by step.
enum KeptPromises {
    private typealias Gap = TermsProof.Gap

    private struct Promise {
        var id: UUID
        var terms: TermsVersion
        var place: ObjectiveScope
        var holder: String
        /// What its tenant, tier and model lack.
        var ownGaps: [Gap]

        func gaps(_ objectives: [StoredObjective]) -> [Gap] { TermsProof.gaps(terms, for: place, objectives) + ownGaps }
    }

    /// Waits until whoever changes what contracts rest on, or makes one, is done, and keeps the others waiting until this transaction ends. Two at once would
    /// each judge by what the other takes away. To be called before a row is locked: else two wait for each other.
    static func takeTurn(_ connection: PostgresConnection) async throws {
        try await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('promises', 0))")
    }

    /// Makes a change, and takes it back where a contract rests on what it takes away.
    ///
    /// - Parameter isAsked: The customer wants no more regions than that.
    static func guarding(
        isAsked: Bool = false, _ connection: PostgresConnection, _ work: () async throws -> AdminChange
    ) async throws -> AdminChange {
        try await takeTurn(connection)
        let before = try await promises(connection)
        guard !before.isEmpty else { return try await work() }
        let objectives = try await ObjectiveStore.active { try await connection.query($0) }
        let known: [UUID: [Gap]] = before.reduce(into: [:]) { $0[$1.id] = $1.gaps(objectives) }
        let done = try await work()
        let changed = try await ObjectiveStore.active { try await connection.query($0) }
        for promise in try await promises(connection) {
            guard let lacked = known[promise.id] else { continue }
            let gap = promise.gaps(changed).first { gap in !lacked.contains { $0.covers(gap) } && !(isAsked && gap.aspect == .region) }
            if let gap { throw refusal(promise, gap) }
        }
        return done
    }

    /// Why an objective cannot go: what holds without it does not carry a contract.
    static func blocker(of id: UUID, _ connection: PostgresConnection) async throws -> String? {
        let objectives = try await ObjectiveStore.active { try await connection.query($0) }
        for promise in try await promises(connection) {
            let lacked = promise.gaps(objectives)
            let gap = promise.gaps(objectives.filter { $0.id != id }).first { gap in !lacked.contains { $0.covers(gap) } }
            if let gap { return words(promise, gap) }
        }
        return nil
    }

    private static func refusal(_ promise: Promise, _ gap: Gap) -> AdminRefusal {
        let way =
            switch gap.aspect {
            case .region: "where the customer asked for it, say customer_asked"
            case .model: "end the agreement first"
            default: "other figures need another version of the terms, and an agreement on it"
            }
        return .conflict("promised", words(promise, gap) + "; " + way)
    }

    private static func words(_ promise: Promise, _ gap: Gap) -> String {
        let isEmpty = gap.aspect == .model || gap.aspect == .region
        return "the contract of \(promise.holder) for \(promise.place.model ?? "") in \(promise.place.region ?? "") "
            + "(\(promise.terms.name) version \(promise.terms.version)) would \(isEmpty ? "be about nothing" : "not be measured any more"): \(gap.text)"
    }

    private static func promises(_ connection: PostgresConnection) async throws -> [Promise] {
        let rows = try await connection.query(
            """
            SELECT agreement.id, agreement.terms_id, agreement.model, agreement.region, agreement.tenant_id::text AS tenant, tenants.name AS holder,
                tenants.tier AS own_tier, tier.ttft_objective_microseconds AS counted, coalesce(tier.burst_requests, tier.requests_per_minute)::bigint AS burst,
                tier.requests_per_minute::bigint AS quota, coalesce(tier.burst_tokens, tier.tokens_per_minute)::bigint AS burst_tokens,
                tier.tokens_per_minute::bigint AS quota_tokens, \(reach("agreement.model", "agreement.region", tier: "terms.tier", of: "tenants"))
            FROM reliability.agreement JOIN reliability.terms ON terms.id = agreement.terms_id JOIN serving.tenants ON tenants.id = agreement.tenant_id
            LEFT JOIN serving.tiers AS tier ON tier.name = terms.tier AND tier.state <> 'deleted'
            WHERE agreement.state <> 'proposed' AND coalesce(agreement.ends_at > now(), true)
            ORDER BY tenants.name, agreement.model, agreement.region, agreement.starts_at, agreement.id
            """)
        var (known, promises): ([UUID: TermsVersion], [Promise]) = ([:], [])
        for row in rows {
            let id: UUID = try row.value("terms_id")
            if known[id] == nil { known[id] = try await TermsVersion.read(id) { try await connection.queryOne($0) } }
            guard let terms = known[id] else { continue }
            let place = ObjectiveScope(
                tenant: try row.value("tenant"), tier: terms.tier, model: try row.value("model"), region: try row.value("region"))
            promises.append(
                Promise(id: try row.value("id"), terms: terms, place: place, holder: try row.value("holder"), ownGaps: try ownGaps(terms, row)))
        }
        return promises
    }

    /// Columns that say whether a customer of the tier can reach a model in a region at all: `is_served`, `is_allowed`.
    ///
    /// - Parameter tenant: Name of a row of tenants.
    static func reach(_ model: SQL, _ region: SQL, tier: SQL, of tenant: SQL) -> SQL {
        """
        EXISTS (SELECT 1 FROM serving.models WHERE models.name = \(model) AND models.state = 'active'
            AND (models.tiers = '{}' OR \(tier) = ANY (models.tiers))) AS is_served,
        (\(tenant).allowed_regions = '{}' OR \(region) = ANY (\(tenant).allowed_regions)) AS is_allowed
        """
    }

    /// Where another threshold is counted than the contract's, its latency would be judged by counters of something else; and where gateways refuse what is
    /// promised its minutes would be empty, and so good.
    private static func ownGaps(_ terms: TermsVersion, _ row: PostgresRow) throws -> [Gap] {
        var gaps: [Gap] = []
        if let counted = try row.value("counted", as: Int64?.self) {
            if counted != terms.firstTokenThreshold {
                let text = "its first tokens are counted over \(terms.firstTokenThreshold) microseconds, not \(counted)"
                gaps.append(Gap(aspect: .threshold, text: text))
            }
            gaps += try TermsProof.burst(terms, row)
        }
        let tier: String = try row.value("own_tier")
        if tier != terms.tier { gaps.append(Gap(aspect: .tier, text: "it is for the tier \(terms.tier), not \(tier)")) }
        if try !row.value("is_served", as: Bool.self) {
            gaps.append(Gap(aspect: .model, text: "the model is not served to the tier \(terms.tier)"))
        }
        if try !row.value("is_allowed", as: Bool.self) {
            gaps.append(Gap(aspect: .region, text: "the region is not one of those that the tenant allows"))
        }
        return gaps
    }
}

extension AdminRoute {
    /// A change of what contracts in force rest on.
    var keepingPromises: AdminRoute { guarded { _, connection, work in try await KeptPromises.guarding(connection, work) } }
}
