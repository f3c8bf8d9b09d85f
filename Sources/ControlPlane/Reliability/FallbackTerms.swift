import Domain
import Postgres

/// Whether a smaller model may answer: not where a contract in force does not name it. A mitigation is for all of a tier, so one such contract is enough.
enum FallbackTerms {
    /// A condition, of expressions for the tier, model and region (NULL: all) that are asked for and the model that would answer.
    static func areAgainst(tier: SQL, model: SQL, region: SQL, toModel: SQL) -> SQL {
        """
        EXISTS (SELECT 1 FROM reliability.agreement JOIN reliability.terms ON terms.id = agreement.terms_id
            WHERE agreement.state <> 'proposed' AND coalesce(agreement.ends_at > now(), TRUE) AND terms.tier = \(tier) AND agreement.model = \(model)
                AND coalesce(agreement.region = \(region), TRUE) AND terms.fallback_model IS DISTINCT FROM \(toModel))
        """
    }

    static func check(_ target: MitigationTarget, _ connection: PostgresConnection) async throws {
        guard target.action == .fallbackModel else { return }
        let against = areAgainst(
            tier: "\(target.tier)::text", model: "\(target.model)::text", region: "\(target.region)::text", toModel: "\(target.toModel)::text")
        guard try await connection.query("SELECT 1 WHERE \(against)").isEmpty else {
            throw AdminRefusal.conflict("not_in_terms", "a contract in force does not name this model as the one that may answer in its place")
        }
    }
}
