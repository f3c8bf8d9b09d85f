import FoundationEssentials
import Postgres

/// What needs more than one person.
enum Approval {
    /// Refuses whoever asked, and whoever has approved before.
    private static func check(_ actor: AdminActor, requestedBy: String, already: [String]) throws {
        if actor.label == requestedBy { throw AdminRefusal.conflict("own_request", "whoever asked for it cannot approve it") }
        if already.contains(actor.label) { throw AdminRefusal.conflict("approved", "this token has approved it already") }
    }

    /// Refuses whoever asked, whoever has approved before, and a token that is of one hand with one of theirs.
    ///
    /// - Parameters:
    ///   - kind: Of what is to be approved, as audit rows name it.
    ///   - sparesFirst: As of `checkHands`.
    static func admit(
        _ call: AdminCall, _ kind: String, _ id: UUID, requestedBy: String, already: [String], sparesFirst: Bool = false,
        _ connection: PostgresConnection, _ databases: ControlDatabases
    ) async throws {
        try check(call.actor, requestedBy: requestedBy, already: already)
        do {
            try await checkHands(call.actor, others: [requestedBy] + already, sparesFirst: sparesFirst, connection)
        } catch let refusal as AdminRefusal {
            // On record although nothing is changed: somebody tried to be two people.
            try await databases.audit.transaction { audit in
                try await PeerAudit.append(
                    audit, actor: call.actor.label, action: "approve_refused", kind: kind, id: id.lowercased, requestId: call.requestId,
                    change: "{\"code\":\(AdminJSON.string(refusal.code))}")
            }
            throw refusal
        }
    }

    /// Refuses a token that is of one hand with who asked, or with who has approved before: one of them made the other, or one token made both, directly or
    /// through others, so that who holds that one may hold them all. Tokens that are made on the control plane's machine are of nobody's making.
    ///
    /// - Parameter sparesFirst: Two that come from one of nobody's making are of different hands, unless they come from a later one too.
    static func checkHands(
        _ actor: AdminActor, others: [String], sparesFirst: Bool = false, _ connection: PostgresConnection
    ) async throws {
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
            WHERE own.token = \(actor.tokenId)
                AND (NOT \(sparesFirst)::boolean OR own.id IN (own.token, other.token) OR own.made_by LIKE 'token:%')
            ORDER BY known.created_at DESC, known.id LIMIT 1
            """)
        guard let name = try row?.value("name", as: String.self) else { return }
        throw AdminRefusal.conflict(
            "same_hand",
            "this token and one of those that asked or approved are of one hand: both come from the token \(name); an approver needs a token that none of "
                + "the others made, as plimsoll-control token makes it on the control plane's machine")
    }
}
