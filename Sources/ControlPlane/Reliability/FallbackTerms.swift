import Domain
import Postgres

/// Whether a smaller model may answer: not where a contract in force does not name it. A mitigation is for all of a tier, so one such contract is enough.
enum FallbackTerms {
    /// A condition, of expressions for the tier, model and region (NULL: all) that are asked for and the model that would answer.
    static func areAgainst(tier: SQL, model: SQL, region: SQL, toModel: SQL) -> SQL {
        "EXISTS (SELECT 1 \(silent(tier: tier, model: model, region: region, toModel: toModel)))"
    }

    /// Whose contracts they are, in words; NULL: none. For operators: it names customers.
    static func whose(tier: SQL, model: SQL, region: SQL, toModel: SQL) -> SQL {
        """
        (SELECT string_agg(DISTINCT holder.name || ' (' || terms.name || ' version ' || terms.version || ')', ', ')
            \(silent(tier: tier, model: model, region: region, toModel: toModel)))
        """
    }

    private static func silent(tier: SQL, model: SQL, region: SQL, toModel: SQL) -> SQL {
        """
        FROM reliability.agreement JOIN reliability.terms ON terms.id = agreement.terms_id
            JOIN serving.tenants AS holder ON holder.id = agreement.tenant_id
        WHERE agreement.state <> 'proposed' AND coalesce(agreement.ends_at > now(), TRUE) AND terms.tier = \(tier) AND agreement.model = \(model)
            AND coalesce(agreement.region = \(region), TRUE) AND terms.fallback_model IS DISTINCT FROM \(toModel)
        """
    }

    /// Of the SKU `r`: contracts in force that keep its fallback from answering, in words; NULL: none, or it has no fallback.
    static let refusedForSKU: SQL = """
        (SELECT \(whose(tier: "r.tier", model: "r.model", region: "r.primary_region", toModel: "other.model"))
            FROM serving.skus AS other WHERE other.name = r.fallback_sku AND other.state <> 'deleted')
        """

    /// Of the agreement `r`: active SKUs whose fallback it stops, for everybody of its tier.
    static let stoppedByAgreement: SQL = """
        (SELECT string_agg(sku.name, ', ' ORDER BY sku.name) FROM serving.skus AS sku
            JOIN serving.skus AS other ON other.name = sku.fallback_sku AND other.state <> 'deleted'
            JOIN reliability.terms AS own ON own.id = r.terms_id
            WHERE sku.state = 'active' AND coalesce(r.ends_at > now(), TRUE) AND sku.tier = own.tier AND sku.model = r.model
                AND sku.primary_region = r.region AND own.fallback_model IS DISTINCT FROM other.model)
        """

    static func check(_ target: MitigationTarget, _ connection: PostgresConnection) async throws {
        guard target.action == .fallbackModel else { return }
        let whose = whose(
            tier: "\(target.tier)::text", model: "\(target.model)::text", region: "\(target.region)::text", toModel: "\(target.toModel)::text")
        guard let silent = try await connection.queryOne("SELECT \(whose) AS silent")?.value("silent", as: String?.self) else { return }
        throw AdminRefusal.conflict(
            "not_in_terms",
            "contracts in force do not name this model as the one that may answer in its place: \(silent); a new version of their terms with "
                + "fallback_model, and agreements on it in place of these, lets it answer")
    }
}
