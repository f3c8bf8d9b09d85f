import FoundationEssentials
import Postgres

/// One request as an operator asks about it: its usage record, and how it was routed where that is still known.
enum RequestResource {
    static let single = AdminRoute.read("requests/{id}") { call, databases in
        try call.refuseQuery()
        guard let id = UUID(uuidString: call.reference) else { throw AdminRefusal.notFound }
        let usage = try await UsageRecordResource.document(of: id, databases.billing)
        let decisions = try await databases.reliability.query(
            """
            SELECT (r.decision || json_build_object('gateway', r.gateway_id, 'received_at', serving.wire_time(r.received_at))::jsonb)::text AS document
            FROM reliability.request_decision AS r WHERE r.request_id = \(id) ORDER BY r.received_at
            """)
        let documents = try decisions.map { try $0.value("document", as: String.self) }
        guard usage != nil || !documents.isEmpty else { throw AdminRefusal.notFound }
        let name = id.uuidString.lowercased()
        return AdminAnswer(
            body: #"{"request_id":"\#(name)","usage_record":\#(usage ?? "null"),"decisions":[\#(documents.joined(separator: ","))]}"#)
    }
}
