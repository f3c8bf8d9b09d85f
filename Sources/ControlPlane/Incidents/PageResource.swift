import FoundationEssentials
import HTTPTypes
import Postgres

/// Where people are told, and what they were told. Owners only change channels: a channel reads a file of this machine's.
enum PageResource {
    private static let channels = AdminResource(
        path: "page-channels", kind: "page_channel", table: "reliability.page_channel",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'name', r.name, 'kind', r.kind, 'url', r.url, 'secret_file', r.secret_file,
                    'least_severity', r.least_severity, 'escalate_after_seconds', r.escalate_after_seconds, 'state', r.state,
                    'created_at', serving.wire_time(r.created_at), 'updated_at', serving.wire_time(r.updated_at))
                """,
            source: "reliability.page_channel AS r", visible: "r.state <> 'deleted'", filters: [.text("kind", "r.kind"), .text("state", "r.state")]),
        fields: [
            AdminField("name", .slug, .required, changeable: false),
            AdminField("kind", .choice(PageChannelKind.allCases.map(\.rawValue)), .required, changeable: false),
            AdminField("url", .text(8...2000), .required),
            AdminField("secret_file", .text(2...1000), nullable: true),
            AdminField("least_severity", .choice(["page", "ticket"])),
            AdminField("escalate_after_seconds", .integer(1...86_400), nullable: true),
            AdminField("state", .choice(["active", "paused"]), .later),
        ],
        check: { connection, id in
            let row = try await connection.queryOne("SELECT kind, secret_file FROM reliability.page_channel WHERE id = \(id)")
            guard let row, try row.value("kind", as: String.self) == "pagerduty", try row.value("secret_file", as: String?.self) == nil else {
                return
            }
            throw AdminRefusal.fault("secret_file", "is required: it holds the routing key")
        }, reusesNames: false)

    private static let pages = Listing(
        document: """
            json_build_object('id', r.id, 'channel', channel.name, 'incident', r.incident_id, 'number', incident.number, 'event', r.event,
                'state', r.state, 'attempts', r.attempts, 'next_attempt_at', serving.wire_time(r.next_attempt_at), 'last_error', r.last_error,
                'created_at', serving.wire_time(r.created_at), 'ended_at', serving.wire_time(r.ended_at))
            """,
        source: """
            reliability.page AS r JOIN reliability.page_channel AS channel ON channel.id = r.channel_id
                JOIN reliability.incident AS incident ON incident.id = r.incident_id
            """, usualOrder: .descending,
        filters: [.text("state", "r.state"), .text("event", "r.event"), .uuid("incident", "r.incident_id"), .text("channel", "channel.name")])

    static var routes: [AdminRoute] {
        channels.reads + [channels.creation, channels.update, channels.removal].map { $0.needing(.administer) } + [list, retry]
    }

    private static let list = AdminRoute.read("pages") { call, databases in try await pages.page(call, databases.serving) }

    /// A dead letter is tried once more, from the beginning.
    private static let retry = AdminRoute.change(.post, "pages/{id}/retry") { call, fields, connection in
        try fields.finish()
        guard let id = UUID(uuidString: call.reference) else { throw AdminRefusal.notFound }
        let isSent = try await PageBook(connection: connection, now: Date()).retry(id)
        guard let found = try await pages.one(where: "r.id = \(id)", { try await connection.queryOne($0) }) else { throw AdminRefusal.notFound }
        guard isSent else { throw AdminRefusal.conflict("pending", "this page is on its way") }
        return AdminChange(document: found.document, action: "retry", subjectKind: "page", subjectId: id.lowercased)
    }
}
