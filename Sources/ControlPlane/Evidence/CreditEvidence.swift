import Cryptography
import Domain
import FoundationEssentials
import Postgres

/// Credits as the public log and bundles hold them.
struct CreditEvidence: Sendable {
    let id: UUID
    let tenant: UUID
    let month: BillingPeriod
    let credit: EvidenceCredit

    /// Notes final credits that are no fact of the log yet and whose month has a tree: that of the same name, wherever the month begins in its zone. Each is
    /// read by itself: one that cannot be is in the way of no other.
    static func note(_ reliability: PostgresPool) async throws -> [EvidenceFault] {
        let rows = try await reliability.query(
            """
            SELECT credit.id, credit.tenant_id FROM reliability.credit
            JOIN reliability.evidence_tree AS tree ON tree.tenant_id = credit.tenant_id AND tree.month = (credit.month || '-01')::date
            WHERE status <> 'provisional' AND NOT EXISTS (SELECT 1 FROM reliability.evidence_fact WHERE source_id = credit.id)
            ORDER BY credit.computed_at, credit.id LIMIT 1000
            """)
        var faults: [EvidenceFault] = []
        for row in rows {
            let (id, tenant): (UUID, UUID) = (try row.value("id"), try row.value("tenant_id"))
            let fault = try await EvidenceFault.caught(tenant) { try await read(id, reliability)?.note(reliability) }
            faults += fault.map { [$0] } ?? []
        }
        return faults
    }

    private static func read(_ id: UUID, _ reliability: PostgresPool) async throws -> CreditEvidence? {
        let row = try await reliability.queryOne(
            """
            SELECT credit.id, credit.tenant_id, agreement.id::text AS promise, credit.month, credit.version, agreement.model, agreement.region,
                (arithmetic #>> '{minutes,eligible}')::bigint AS eligible,
                ((arithmetic #>> '{minutes,bad}')::bigint + (arithmetic #>> '{minutes,bad_idle}')::bigint
                    + (arithmetic #>> '{minutes,unmeasured}')::bigint) AS bad,
                (arithmetic #>> '{total_percent,0}')::bigint AS numerator, (arithmetic #>> '{total_percent,1}')::bigint AS denominator,
                trunc((arithmetic #>> '{fee,base_usd}')::numeric * 1000000000000)::text AS base, credit.amount_cents,
                concat_ws(',', CASE WHEN NOT (credit.evidence -> 'complete')::boolean THEN 'open' END, (
                    SELECT string_agg(concat_ws(':', of ->> 'month', of ->> 'leaves', of ->> 'root'), ',' ORDER BY of ->> 'month')
                    FROM jsonb_array_elements(credit.evidence -> 'trees') AS of)) AS roots
            FROM reliability.credit JOIN reliability.agreement ON agreement.id = credit.agreement_id
            WHERE credit.id = \(id)
            """)
        return try row.map { row in
            guard let month = BillingPeriod(try row.value("month", as: String.self)), let base = Int128(try row.value("base", as: String.self)),
                let roots = EvidenceRoots(try row.value("roots", as: String.self))
            else {
                throw PostgresError(.decoding, "a credit that is none")
            }
            let credit = EvidenceCredit(
                version: try row.value("version"), promise: try row.value("promise"), model: try row.value("model"),
                region: try row.value("region"), eligible: try row.value("eligible"), bad: try row.value("bad"),
                percent: Ratio(try row.value("numerator"), try row.value("denominator")), base: base,
                cents: try row.value("amount_cents"), roots: roots)
            return CreditEvidence(id: try row.value("id"), tenant: try row.value("tenant_id"), month: month, credit: credit)
        }
    }

    /// Each version once, however often it is tried.
    private func note(_ reliability: PostgresPool) async throws {
        try await reliability.execute(
            """
            INSERT INTO reliability.evidence_fact (tenant_id, month, kind, digest, line, source_id)
            VALUES (\(tenant), \(EvidenceTime.month(month)), 'credit', \(credit.digest.bytes), \(credit.line), \(id)) ON CONFLICT DO NOTHING
            """)
    }
}
