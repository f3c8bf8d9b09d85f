import Domain
import FoundationEssentials
import HTTPTypes
import Postgres

/// Promises made: terms for a tenant's use of a model in a region. One is active at once when the evidence supports it; otherwise two people other
/// than who asked must approve it, with the reason on record, and with tokens that are not of one hand.
enum AgreementResource {
    /// Who must approve what the evidence does not support.
    private static let approversNeeded = 2

    static let resource = AdminResource(
        path: "agreements", kind: "agreement", table: "reliability.agreement",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'tenant', r.tenant_id, 'terms', r.terms_id,
                    'terms_name', (SELECT name || ' v' || version FROM reliability.terms WHERE terms.id = r.terms_id), 'model', r.model,
                    'region', r.region, 'state', r.state, 'starts_at', serving.wire_time(r.starts_at), 'ends_at', serving.wire_time(r.ends_at),
                    'monthly_minimum_micro_usd', r.monthly_minimum_micro_usd, 'limits', r.limits, 'maintenance_weekday', r.maintenance_weekday,
                    'maintenance_from_minute', r.maintenance_from_minute, 'maintenance_until_minute', r.maintenance_until_minute,
                    'stops_fallback_of', \(FallbackTerms.stoppedByAgreement),
                    'evidence', r.evidence, 'override_reason', r.override_reason, 'requested_by', r.requested_by,
                    'approved_by', r.approved_by, 'created_at', serving.wire_time(r.created_at), 'updated_at', serving.wire_time(r.updated_at))
                """,
            source: "reliability.agreement AS r",
            filters: [
                .reference("tenant", "r.tenant_id", to: .tenants), .text("model", "r.model"), .text("region", "r.region"), .text("state", "r.state"),
            ]),
        naming: .none)

    static let creation = AdminRoute.wideChange(.post, "agreements") { call, fields, connection, databases in
        let tenant = fields.text("tenant", .reference, .required)
        let terms = fields.text("terms", .reference, .required)
        let model = fields.text("model", .modelName, .required) ?? ""
        let region = fields.text("region", .slug, .required) ?? ""
        let minimum = fields.integer("monthly_minimum_micro_usd", 0...1_000_000_000_000_000)
        let starts = fields.value(AdminField("starts_at", .instant)) as? Date
        let weekday = fields.integer("maintenance_weekday", 1...7)
        let from = fields.integer("maintenance_from_minute", 0...1_439)
        let until = fields.integer("maintenance_until_minute", 1...1_440)
        let reason = fields.text("override_reason", .reason)
        try fields.finish()
        // What it is judged by stays until it is there to be kept.
        try await KeptPromises.takeTurn(connection)
        guard let owner = try await TenantOwned.tenant(tenant, connection) else { throw AdminRefusal.fault("tenant", "does not exist") }
        let version = try await activeTerms(terms ?? "", owner, model, region, connection)
        try await checkMeasured(version, MinuteSubject(tenant: owner, model: model, region: region), connection)
        let evidence = try await PromiseEvidence.gather(version, model: model, region: region, databases.reliability)
        guard evidence.doubts.isEmpty || reason != nil else {
            throw AdminRefusal.conflict(
                "not_supported",
                "the evidence does not support this promise: \(evidence.doubts.joined(separator: "; ")); give override_reason, and two others approve it"
            )
        }
        // From the end of the one that it follows on: no minute is promised twice, and none between them is not.
        let begins: SQL = """
            greatest(CASE WHEN \(starts)::timestamptz > now() THEN date_trunc('minute', \(starts)::timestamptz + interval '59.999999 seconds')
                    ELSE date_trunc('minute', now()) + interval '1 minute' END,
                (SELECT max(ends_at) FROM reliability.agreement WHERE tenant_id = \(owner) AND model = \(model) AND region = \(region)))
            """
        let agreed = if let minimum { minimum } else { try await usualMinimum(of: owner, tier: version.tier, from: begins, connection) }
        let row = try await connection.queryOne(
            """
            INSERT INTO reliability.agreement (tenant_id, terms_id, model, region, state, starts_at, monthly_minimum_micro_usd,
                maintenance_weekday, maintenance_from_minute, maintenance_until_minute, evidence, override_reason, requested_by, limits)
            SELECT \(owner), \(version.id), \(model), \(region), \(evidence.doubts.isEmpty ? "active" : "proposed"),
                \(begins), \(agreed), \(weekday)::integer, \(from)::integer, \(until)::integer, \(evidence.document)::jsonb, \(reason), \(call.actor.label),
                reliability.tenant_limits(\(owner))
            RETURNING id
            """)
        guard let id = try row?.value("id", as: UUID.self) else { throw AdminRefusal.failed }
        return try await resource.change(connection, id, "create", status: .created)
    }

    /// The tier's, once: a minimum that two agreements of a tenant had would be credited twice. Micro-dollars a month.
    ///
    /// While nothing but agreements under notice has one when it begins, somebody must say what is meant: at their end no agreement would have any, and
    /// until then two would.
    private static func usualMinimum(of tenant: UUID, tier: String, from begins: SQL, _ connection: PostgresConnection) async throws -> Int64 {
        let row = try await connection.queryOne(
            """
            SELECT coalesce(bool_or(state <> 'ended'), false) AS stays, serving.wire_time(max(ends_at)) AS ends,
                (SELECT monthly_minimum_micro_usd FROM serving.tiers WHERE name = \(tier)) AS usual
            FROM reliability.agreement WHERE tenant_id = \(tenant) AND monthly_minimum_micro_usd > 0 AND coalesce(ends_at > \(begins), true)
            """)
        guard let row else { throw AdminRefusal.failed }
        let usual = try row.value("usual", as: Int64?.self) ?? 0
        if try row.value("stays") { return 0 }
        guard usual > 0, let ends = try row.value("ends", as: String?.self) else { return usual }
        throw AdminRefusal.fault(
            "monthly_minimum_micro_usd",
            "is required: an agreement of this tenant with a minimum ends at \(ends), after this one begins: with \(usual), the tier's, both are credited until then, with 0 none is afterwards"
        )
    }

    private static func checkMeasured(_ terms: TermsVersion, _ subject: MinuteSubject, _ connection: PostgresConnection) async throws {
        let place = ObjectiveScope(tenant: subject.tenant?.uuidString.lowercased(), tier: terms.tier, model: subject.model, region: subject.region)
        let missing = try await TermsProof.missing(terms, for: place, connection)
        guard missing.isEmpty else {
            throw AdminRefusal.conflict("not_measured", "nothing measures this promise now: \(missing.joined(separator: "; "))")
        }
    }

    /// Terms that may be sold to this tenant for this model and region.
    private static func activeTerms(
        _ reference: String, _ tenant: UUID, _ model: String, _ region: String, _ connection: PostgresConnection
    ) async throws -> TermsVersion {
        let row = try await connection.queryOne(
            """
            SELECT id FROM reliability.terms WHERE state = 'active' AND (id::text = lower(\(reference)) OR name = \(reference))
            ORDER BY version DESC LIMIT 1
            """)
        guard let id = try row?.value("id", as: UUID.self), let terms = try await TermsVersion.read(id, { try await connection.queryOne($0) }) else {
            throw AdminRefusal.fault("terms", "does not exist, or is retired")
        }
        guard terms.model == nil || terms.model == model else { throw AdminRefusal.fault("model", "these terms are for another model") }
        guard terms.region == nil || terms.region == region else { throw AdminRefusal.fault("region", "these terms are for another region") }
        let reach = KeptPromises.reach("\(model)", "\(region)", tier: "\(terms.tier)", of: "tenants")
        let facts = try await connection.queryOne(
            """
            SELECT tenants.tier, EXISTS (SELECT 1 FROM serving.models WHERE name = \(model) AND state <> 'deleted') AS model_known, \(reach)
            FROM serving.tenants WHERE tenants.id = \(tenant)
            """)
        if try facts?.value("model_known", as: Bool.self) != true { throw AdminRefusal.fault("model", "does not exist") }
        guard try facts?.value("tier", as: String.self) == terms.tier else { throw AdminRefusal.fault("terms", "these terms are for another tier") }
        if try facts?.value("is_served", as: Bool.self) != true { throw AdminRefusal.fault("model", "is not served to the tier \(terms.tier)") }
        if try facts?.value("is_allowed", as: Bool.self) != true {
            throw AdminRefusal.fault("region", "is not one of those that the tenant allows")
        }
        return terms
    }

    static let approval = AdminRoute.wideChange(.post, "agreements/{id}/approve") { call, fields, connection, databases in
        try fields.finish()
        try await KeptPromises.takeTurn(connection)
        let id = try await resource.locked(call.reference, connection)
        let row = try await connection.queryOne("SELECT requested_by, approved_by, state FROM reliability.agreement WHERE id = \(id)")
        guard let row else { throw AdminRefusal.notFound }
        let approvers: [String] = try row.value("approved_by")
        guard try row.value("state", as: String.self) == "proposed" else { throw AdminRefusal.conflict("not_proposed", "it needs no approval") }
        let requester: String = try row.value("requested_by")
        try await Approval.admit(call, resource.kind, id, requestedBy: requester, already: approvers, connection, databases)
        let isLast = approvers.count + 1 >= approversNeeded
        if isLast { try await checkStillSold(id, connection) }
        try await connection.execute(
            """
            UPDATE reliability.agreement SET approved_by = approved_by || \(call.actor.label)::text, updated_at = now(),
                state = \(isLast ? "active" : "proposed"),
                starts_at = CASE WHEN \(isLast) THEN greatest(starts_at, date_trunc('minute', now()) + interval '1 minute') ELSE starts_at END
            WHERE id = \(id)
            """)
        return try await resource.change(connection, id, "approve")
    }

    /// Refuses what could not be proposed any more: a proposal holds nothing up, so that its terms, its tenant's tier or what measures it may be others by now.
    private static func checkStillSold(_ id: UUID, _ connection: PostgresConnection) async throws {
        let row = try await connection.queryOne("SELECT \(Agreement.columns) FROM reliability.agreement WHERE id = \(id)")
        guard let proposed = try row.map({ try Agreement($0) }) else { throw AdminRefusal.notFound }
        let terms: TermsVersion
        do {
            terms = try await activeTerms(proposed.terms.uuidString, proposed.tenant, proposed.model, proposed.region, connection)
        } catch let refusal as AdminRefusal {
            throw AdminRefusal.conflict("not_sold", "it cannot be sold any more: \(refusal.message)")
        }
        try await checkMeasured(terms, proposed.subject, connection)
        try await AgreedLimits.check(.agreement(id), connection)
    }

    /// Why an agreement ends before the notice of its terms is over.
    private static let grounds = ["by_agreement", "for_cause"]

    /// With the notice that the terms ask for, or at once where both sides agree or there is cause; never for time that has passed. What is only
    /// proposed was never promised: it is gone, and its audit row keeps it.
    static let ending = AdminRoute.change(.post, "agreements/{id}/end") { call, fields, connection in
        let wished = fields.value(AdminField("ends_at", .instant)) as? Date
        let given = fields.text("grounds", .choice(grounds))
        // Kept by the audit row, as the grounds are.
        _ = fields.text("reason", .reason)
        try fields.finish()
        let id = try await resource.locked(call.reference, connection)
        let proposal = try await resource.change(connection, id, "withdraw")
        guard try await connection.execute("DELETE FROM reliability.agreement WHERE id = \(id) AND state = 'proposed'") == 0 else { return proposal }
        if given == nil { try await checkNotice(id, wished, connection) }
        let done = try await connection.execute(
            """
            UPDATE reliability.agreement SET state = 'ended', updated_at = now(), ends_at = greatest(starts_at + interval '1 minute',
                date_trunc('minute', greatest(\(wished)::timestamptz, now())))
            WHERE id = \(id) AND state <> 'ended'
            """)
        guard done > 0 else { throw AdminRefusal.conflict("ended", "it has ended already") }
        return try await resource.change(connection, id, "end")
    }

    /// Refuses an end that is nearer than the notice of the terms, and says which one would do.
    private static func checkNotice(_ id: UUID, _ wished: Date?, _ connection: PostgresConnection) async throws {
        let row = try await connection.queryOne(
            """
            SELECT terms.termination_days AS days, serving.wire_time(date_trunc('hour', now() + make_interval(days => terms.termination_days))
                + interval '1 hour') AS earliest
            FROM reliability.agreement AS r JOIN reliability.terms AS terms ON terms.id = r.terms_id
            WHERE r.id = \(id) AND r.state <> 'ended' AND coalesce(\(wished)::timestamptz, now()) < now() + make_interval(days => terms.termination_days)
            """)
        guard let row else { return }
        throw AdminRefusal.conflict(
            "notice",
            "its terms ask for \(Counted.possessive(try row.value("days", as: Int64.self), "day")) notice: end it at \(try row.value("earliest", as: String.self)) or later (ends_at), "
                + "or give the grounds for an earlier end: \(grounds.joined(separator: " or "))", param: "ends_at")
    }

    /// Nobody is promised anything any more who is not there.
    static func end(ofTenant tenant: UUID, _ connection: PostgresConnection) async throws {
        try await connection.execute("DELETE FROM reliability.agreement WHERE tenant_id = \(tenant) AND state = 'proposed'")
        try await connection.execute(
            """
            UPDATE reliability.agreement SET state = 'ended', updated_at = now(),
                ends_at = greatest(starts_at + interval '1 minute', date_trunc('minute', now()))
            WHERE tenant_id = \(tenant) AND coalesce(ends_at > now(), true)
            """)
    }
}
