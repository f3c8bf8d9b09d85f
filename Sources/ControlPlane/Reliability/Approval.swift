import FoundationEssentials
import Postgres

/// What needs more than one person.
enum Approval {
    /// Refuses whoever asked, and whoever has approved before.
    static func check(_ actor: AdminActor, requestedBy: String, already: [String]) throws {
        if actor.label == requestedBy { throw AdminRefusal.conflict("own_request", "whoever asked for it cannot approve it") }
        if already.contains(actor.label) { throw AdminRefusal.conflict("approved", "this token has approved it already") }
    }

    /// Refuses a token that is of one hand with who asked, or with who has approved before: one of them made the other, or one token made both, directly or
    /// through others, so that who holds that one may hold them all. Tokens that are made on the control plane's machine are of nobody's making.
    static func checkHands(_ actor: AdminActor, others: [String], _ connection: PostgresConnection) async throws {
        let ids = others.compactMap { $0.hasPrefix("token:") ? UUID(uuidString: String($0.dropFirst("token:".count))) : nil }
        let row = try await connection.queryOne(
            """
            WITH RECURSIVE line (token, id, made_by) AS (
                SELECT id, id, created_by FROM serving.admin_tokens WHERE id = \(actor.tokenId) OR id = ANY(\(ids)::uuid[])
                UNION SELECT line.token, maker.id, maker.created_by
                FROM line JOIN serving.admin_tokens AS maker ON line.made_by = 'token:' || maker.id
            )
            SELECT known.name FROM line AS own JOIN line AS other ON other.id = own.id AND other.token <> own.token
                JOIN serving.admin_tokens AS known ON known.id = own.id
            WHERE own.token = \(actor.tokenId) LIMIT 1
            """)
        guard let name = try row?.value("name", as: String.self) else { return }
        throw AdminRefusal.conflict(
            "same_hand",
            "this token and one of those that asked or approved are of one hand: both come from the token \(name); an approver needs a token that none of "
                + "the others made, as plimsoll-control token makes it on the control plane's machine")
    }
}
