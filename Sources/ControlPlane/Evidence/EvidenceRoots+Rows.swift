import Cryptography
import Domain
import FoundationEssentials
import Postgres

extension EvidenceRoots {
    /// How far the trees are that hold a tenant's minutes of a month. A tree that was never begun when a later one was has no leaves to come.
    static func read(_ tenant: UUID, _ month: BillingPeriod, covering range: MinuteRange, _ pool: PostgresPool) async throws -> EvidenceRoots {
        var (trees, isComplete): ([Tree], Bool) = ([], true)
        for part in EvidenceSpan.parts(of: month, covering: [range]) {
            guard let found = try await tree(tenant, part, pool) else {
                isComplete = isComplete && part.month < month
                continue
            }
            trees.append(found.tree)
            isComplete = isComplete && found.isClosed
        }
        return EvidenceRoots(trees: trees, isComplete: isComplete && !trees.isEmpty)
    }

    /// The root at the end of the part where its leaves are all there, else the present one.
    private static func tree(_ tenant: UUID, _ part: EvidenceSpan.Part, _ pool: PostgresPool) async throws -> (tree: Tree, isClosed: Bool)? {
        let row = try await pool.queryOne(
            """
            SELECT coalesce(fact.leaves, tree.leaves) AS leaves, coalesce(fact.digest, tree.root) AS root, fact.digest IS NOT NULL AS closed
            FROM reliability.evidence_tree AS tree
            LEFT JOIN reliability.evidence_fact AS fact ON fact.tenant_id = tree.tenant_id AND fact.month = tree.month AND fact.kind = 'root'
                AND tree.next_at >= \(EvidenceTime.minute(part.minutes.upperBound)) AND fact.leaves = (
                    SELECT coalesce(sum(minutes), 0) FROM reliability.evidence_day AS day
                    WHERE day.tenant_id = tree.tenant_id AND day.day >= tree.month AND day.day < \(EvidenceTime.day(part.minutes.upperBound)))
            WHERE tree.tenant_id = \(tenant) AND tree.month = \(EvidenceTime.month(part.month))
            """)
        guard let row, let root = SHA256Digest(bytes: try row.value("root")) else { return nil }
        return (Tree(month: part.month, leaves: try row.value("leaves"), root: root), try row.value("closed"))
    }

    /// As the API tells it.
    var document: String {
        let list = trees.map { "{\"month\":\"\($0.month)\",\"leaves\":\($0.leaves),\"root\":\"\($0.root)\"}" }
        return "{\"complete\":\(isComplete),\"trees\":[\(list.joined(separator: ","))]}"
    }
}
