import Domain
import FoundationEssentials
import Postgres

/// Selling begins with one SKU: the second one asks for thirty days in which the first was kept, by the same evidence as terms of contracts.
enum NarrowStart {
    private static let days: Int64 = 30

    /// What keeps the SKU from being sold beside those that are; empty: it is the first, or the first is proven.
    static func missing(_ connection: PostgresConnection, _ id: UUID, _ reliability: PostgresPool) async throws -> [String] {
        let first = try await connection.queryOne(
            """
            SELECT sku.name, sku.tier, sku.model, sku.primary_region, tiers.ttft_objective_microseconds AS first_token,
                tiers.ttlt_objective_microseconds AS last_token
            FROM serving.skus AS sku JOIN serving.tiers ON tiers.name = sku.tier
            WHERE sku.state = 'active' AND sku.id <> \(id) ORDER BY sku.created_at, sku.name LIMIT 1
            """)
        guard let first else { return [] }
        let name: String = try first.value("name")
        let scope = ObjectiveScope(tier: try first.value("tier"), model: try first.value("model"), region: try first.value("primary_region"))
        let objectives = try await ObjectiveStore.active { try await connection.query($0) }
        guard let held = objectives.holding(.availability, for: scope)?.objective else {
            return ["an objective of availability by which the first SKU, \(name), could be judged"]
        }
        let measure = PromiseEvidence.Measure(
            days: days, rule: held.rule, objective: held.goodShare, firstTokenThreshold: try first.value("first_token"),
            lastTokenThreshold: try first.value("last_token"))
        let subject = MinuteSubject(tier: scope.tier, model: scope.model ?? "", region: scope.region ?? "")
        let doubts = try await PromiseEvidence.gather(measure, of: subject, reliability).doubts
        return doubts.isEmpty ? [] : ["\(days) days of evidence of the first SKU, \(name) (\(doubts.joined(separator: "; ")))"]
    }
}
