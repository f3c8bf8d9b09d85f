import Domain
import Postgres

/// How the answers of the batch service class came by their deadlines, from the usage records of a place: what the tenant asked for and was not to blame
/// for itself.
struct BatchDelivery: Sendable, Equatable {
    /// Whole, and not after the deadline.
    let inTime: Int64
    /// Whole after the deadline, or given up by the customer when it was over.
    let late: Int64
    /// Ended without a whole answer by our fault.
    let failed: Int64

    var requests: Int64 { inTime + late + failed }

    /// Nil: nothing was asked for with a deadline, or its records have gone by age (`retention.usage`).
    static func read(of subject: MinuteSubject, _ covered: CoveredMinutes, _ billing: PostgresPool) async throws -> BatchDelivery? {
        guard let tenant = subject.tenant else { return nil }
        let row = try await billing.queryOne(
            """
            SELECT count(*) FILTER (WHERE verdict = 'good' AND NOT is_late) AS in_time,
                count(*) FILTER (WHERE is_late AND (verdict = 'good' OR outcome = \(Outcome.clientAbort.rawValue))) AS late,
                count(*) FILTER (WHERE verdict = 'bad') AS failed
            FROM (SELECT outcome, split_part(outcome, ':', 1) AS verdict, finished_after_us > batch_deadline_us AS is_late FROM billing.usage_event
                WHERE tenant_id = \(tenant) AND model = \(subject.model) AND region = \(subject.region) AND kind = 'final'
                    AND batch_deadline_us IS NOT NULL
                    AND \(covered.contain("accepted_at"))) AS asked
            """)
        guard let row else { return nil }
        let found = BatchDelivery(inTime: try row.value("in_time"), late: try row.value("late"), failed: try row.value("failed"))
        return found.requests > 0 ? found : nil
    }

    /// The share is rounded down: one late answer never looks like none.
    var document: String {
        "{\"requests\":\(requests),\"in_time\":\(inTime),\"late\":\(late),\"failed\":\(failed),\"in_time_ppm\":\(inTime * 1_000_000 / requests)}"
    }
}
