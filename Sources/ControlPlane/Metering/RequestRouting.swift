import Domain
import FoundationEssentials
import PlimsollWire
import Postgres

/// How an admitted request was routed, as an operator is told: the trace that came with its usage record, with the names of workers and hosts that are
/// still known.
struct RequestRouting {
    let databases: ControlDatabases

    /// A JSON object for each gateway that recorded the request.
    func documents(of request: UUID) async throws -> [String] {
        let rows = try await databases.billing.query(
            """
            SELECT routed.routing, json_strip_nulls(json_build_object('request_id', used.request_id, 'gateway', used.gateway_id,
                'received_at', serving.wire_time(routed.received_at), 'accepted_at', (extract(epoch FROM used.accepted_at) * 1000000)::bigint,
                'queued_for', used.queued_for_us, 'leased_for', used.leased_for_us, 'retrieval', used.retrieval_us))::text AS head
            FROM billing.request_routing AS routed
            JOIN billing.usage_event AS used ON used.request_id = routed.request_id AND used.kind = 'final'
            WHERE routed.request_id = \(request)
            """)
        var documents: [String] = []
        for row in rows {
            // One of a later version is not understood; who asks is told that nothing is there.
            guard let trace = RoutingTrace(packed: try row.value("routing", as: [UInt8].self)) else { continue }
            let account = RoutingAccount(trace, names: try await names(trace.marks))
            let head: String = try row.value("head")
            documents.append(head.dropLast() + "," + String(decoding: try WireCoder.encode(account), as: UTF8.self).dropFirst())
        }
        return documents
    }

    private func names(_ marks: Set<WorkerMark>) async throws -> [WorkerMark: RoutingAccount.WorkerName] {
        let rows = try await databases.serving.query(
            """
            SELECT worker.id::text AS id, host.name AS host FROM serving.workers AS worker JOIN serving.hosts AS host ON host.id = worker.host_id
            WHERE left(worker.id::text, 18) = ANY(\(marks.map(\.description))::text[])
            """)
        let names = try rows.map { row in
            let id: String = try row.value("id")
            return (WorkerMark(of: id), RoutingAccount.WorkerName(id: id, host: try row.value("host")))
        }
        return Dictionary(names, uniquingKeysWith: { first, _ in first })
    }
}
