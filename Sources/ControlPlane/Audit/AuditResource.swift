import Postgres

/// The audit chain, to be read and verified; nothing here writes.
enum AuditResource {
    private static let listing = Listing(
        document: """
            json_build_object('sequence', r.sequence, 'at', serving.wire_time(r.at), 'actor', r.actor, 'action', r.action,
                'subject_kind', r.subject_kind, 'subject_id', r.subject_id, 'request_id', r.request_id, 'change', r.change,
                'previous_hash', encode(r.previous_hash, 'hex'), 'hash', encode(r.hash, 'hex'))
            """,
        source: "audit.entry AS r", order: "r.sequence", orderType: "bigint", id: "r.sequence", idType: "bigint", usualOrder: .descending,
        filters: [
            .text("subject_kind", "r.subject_kind"), .text("subject_id", "r.subject_id"), .text("actor", "r.actor"), .text("action", "r.action"),
            .since("r.at"), .until("r.at"),
        ])

    static let list = AdminRoute.read("audit") { call, databases in
        try await listing.page(call, databases.audit)
    }

    /// Recomputes every hash.
    static let verification = AdminRoute.read("audit/verification") { call, databases in
        try call.refuseQuery()
        let row = try await databases.audit.queryOne(
            "SELECT audit.first_break() AS broken, (SELECT sequence FROM audit.chain_end) AS entries")
        guard let row else { throw AdminRefusal.failed }
        let broken: Int64? = try row.value("broken")
        let entries: Int64 = try row.value("entries")
        return AdminAnswer(body: "{\"intact\":\(broken == nil),\"entries\":\(entries),\"first_break\":\(broken.map(String.init) ?? "null")}")
    }
}
