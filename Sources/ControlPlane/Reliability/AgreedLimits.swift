import Domain
import FoundationEssentials
import HTTPWire
import Postgres

/// The limits that a contract agrees, in numbers: what the customer had when it was signed.
struct AgreedLimits: Sendable {
    private let numbers: JSONValue

    /// - Parameter text: As the agreement keeps them.
    init?(_ text: String) {
        guard let numbers = try? JSONValue.parse(Array(text.utf8)), numbers.object != nil else { return nil }
        self.numbers = numbers
    }

    /// As the addendum prints them.
    var lines: [String] {
        let (a, further) = ({ (name: String) in "\(numbers[name]?.integer ?? 0)" }, further)
        return [
            "- Quota: \(a("requests_per_minute")) requests and \(a("tokens_per_minute")) tokens (prompts and answers) a minute, of which "
                + "\(a("burst_requests")) requests and \(a("burst_tokens")) tokens may come at once; \(a("concurrent_requests")) requests at a time.",
            "- Quota of longer times: \(further.isEmpty ? "none" : further.joined(separator: ", ")).",
            "- Limits of the tier: prompts of \(a("max_prompt_tokens")) tokens, answers of \(a("max_output_tokens")) tokens, "
                + "requests of \(a("max_body_bytes")) bytes.",
            "- The provider lowers none of these as long as this agreement is in force.",
        ]
    }

    private var further: [String] {
        [
            numbers["tokens_per_day"]?.integer.map { "\($0) tokens a day" }, numbers["tokens_per_month"]?.integer.map { "\($0) tokens a month" },
            numbers["spend_per_month_micro_usd"]?.integer.map { "USD \(Ratio($0, 1_000_000).shortDecimal(places: 6)) a month" },
        ].compactMap(\.self)
    }
}

extension AgreedLimits {
    /// Whose contracts are looked at.
    enum Holder {
        /// - Parameter before: Its limits, as `present` read them.
        case tier(String, before: String)
        case agreement(UUID)
    }

    private static let contracts: SQL = """
        reliability.agreement AS agreement JOIN reliability.terms AS terms ON terms.id = agreement.terms_id
        JOIN serving.tenants AS tenant ON tenant.id = agreement.tenant_id
        CROSS JOIN LATERAL jsonb_each_text(agreement.limits) AS agreed (name, value)
        """

    private static let inForce: SQL = "agreement.state <> 'proposed' AND coalesce(agreement.ends_at > now(), true)"

    /// Refuses a tier that gives less than a contract agrees. What the customer's own account has in place of the tier's is not the tier's.
    static func check(_ holder: Holder, _ connection: PostgresConnection) async throws {
        let whose: SQL =
            switch holder {
            case .tier(let name, let before):
                """
                terms.tier = \(name) AND \(inForce)
                    AND present.value < coalesce((\(before)::jsonb ->> agreed.name)::bigint, present.value + 1)
                """
            case .agreement(let id): "agreement.id = \(id)"
            }
        try await refuse(
            try await connection.queryOne(
                """
                SELECT tenant.name AS holder, agreement.model, agreement.region, terms.name AS terms, terms.version, agreed.name AS field,
                    coalesce(agreed.value, 'no limit') AS agreed, present.value::text AS present
                FROM \(contracts)
                CROSS JOIN LATERAL (SELECT (reliability.tier_limits(terms.tier) ->> agreed.name)::bigint AS value) AS present
                WHERE \(whose) AND to_jsonb(tenant) ->> agreed.name IS NULL AND present.value < coalesce(agreed.value::bigint, present.value + 1)
                ORDER BY 1, 2, 3, agreed.name LIMIT 1
                """))
    }

    /// Of a tier, as it is.
    static func present(tier: String, _ connection: PostgresConnection) async throws -> String {
        try await connection.queryOne("SELECT reliability.tier_limits(\(tier))::text AS limits")?.value("limits", as: String?.self) ?? "{}"
    }

    /// A row with limits of its own, beside those that it has without them.
    enum Own: String {
        case tenant
        case key
    }

    /// The row as it is, to be compared with what it becomes.
    static func present(_ own: Own, _ id: UUID, _ connection: PostgresConnection) async throws -> String? {
        let table: SQL = own == .tenant ? "serving.tenants" : "serving.api_keys"
        return try await connection.queryOne(
            "SELECT (to_jsonb(r) - 'sha256' - 'previous_sha256')::text AS own FROM \(table) AS r WHERE r.id = \(id)")?.value("own", as: String.self)
    }

    /// Refuses limits of a tenant or of a key that were just lowered below what its contracts agree. Probes' and drills' keys are nobody's contract.
    ///
    /// - Parameter before: The row, as `present` read it.
    static func check(_ own: Own, _ id: UUID, since before: String, _ connection: PostgresConnection) async throws {
        guard let after = try await present(own, id, connection) else { return }
        let holder: SQL = own == .tenant ? "\(id)" : "(SELECT tenant_id FROM serving.api_keys WHERE id = \(id) AND purpose IS NULL)"
        // What it has where it says nothing itself.
        let rest: SQL = own == .tenant ? "reliability.tier_limits(tenant.tier)" : "reliability.tenant_limits(tenant.id)"
        try await refuse(
            try await connection.queryOne(
                """
                SELECT tenant.name AS holder, agreement.model, agreement.region, terms.name AS terms, terms.version, agreed.name AS field,
                    coalesce(agreed.value, 'no limit') AS agreed, own.after::text AS present
                FROM \(contracts)
                CROSS JOIN LATERAL (SELECT \(rest) ->> agreed.name AS value) AS rest
                CROSS JOIN LATERAL (SELECT coalesce(\(before)::jsonb ->> agreed.name, rest.value)::bigint AS before,
                    coalesce(\(after)::jsonb ->> agreed.name, rest.value)::bigint AS after) AS own
                WHERE tenant.id = \(holder) AND \(inForce) AND own.after < coalesce(agreed.value::bigint, own.after + 1)
                    AND own.after < coalesce(own.before, own.after + 1)
                ORDER BY 1, 2, 3, agreed.name LIMIT 1
                """), orAsked: true)
    }

    private static func refuse(_ row: PostgresRow?, orAsked: Bool = false) async throws {
        guard let row else { return }
        let field: String = try row.value("field")
        let (holder, model): (String, String) = (try row.value("holder"), try row.value("model"))
        let (terms, version): (String, Int) = (try row.value("terms"), try row.value("version"))
        throw AdminRefusal.conflict(
            "promised",
            "the contract of \(holder) for \(model) in \(try row.value("region", as: String.self)) (\(terms) version \(version)) agrees \(field) of "
                + "\(try row.value("agreed", as: String.self)), and this would be \(try row.value("present", as: String.self)); "
                + (orAsked ? "where the customer asked for it, say customer_asked" : "other limits need another agreement"), param: field)
    }
}

extension AdminRoute {
    /// A change of a tenant or key that keeps what contracts agree, unless the customer asked for less: what caps itself is its own.
    func keepingLimits(_ own: AgreedLimits.Own, of resource: AdminResource) -> AdminRoute {
        guard case .change(let work) = work else { preconditionFailure("an update is a change") }
        return AdminRoute(
            method: method, path: path, permission: permission,
            work: .change { call, fields, connection in
                // Kept by the audit row.
                let isAsked = fields.value(AdminField("customer_asked", .boolean)) as? Bool ?? false
                let id = try await resource.locked(call.reference, connection)
                let before = isAsked ? nil : try await AgreedLimits.present(own, id, connection)
                let change = try await work(call, &fields, connection)
                if let before { try await AgreedLimits.check(own, id, since: before, connection) }
                return change
            })
    }
}
