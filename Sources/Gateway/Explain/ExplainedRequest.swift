import Domain
import PlimsollWire

/// What a gateway alone knows of one request that was admitted: its record, and how it was routed.
struct ExplainedRequest: Encodable {
    let usageRecord: UsageRecord
    /// Nil: it ended with its gateway.
    let routing: RoutingAccount?

    init(_ final: SpoolFinal, _ origin: SpoolOrigin, names: (Set<WorkerMark>) -> [WorkerMark: RoutingAccount.WorkerName]) {
        var record = UsageRecord(final, origin: origin)
        // It is told in words below.
        record.routing = nil
        usageRecord = record
        routing = final.routing.flatMap { RoutingTrace(packed: $0) }.map { RoutingAccount($0, names: names($0.marks)) }
    }
}
