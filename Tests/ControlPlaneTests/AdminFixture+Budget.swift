import Postgres
import TestSupport

extension AdminFixture {
    /// A budget of `tiny` for `pro` in `eu`, in this state of the freeze.
    func spendBudget(_ state: String) async throws {
        _ = try await row(
            """
            WITH subject AS (
                INSERT INTO reliability.budget_subject (tier, model, region, first_minute_at) VALUES ('pro', 'tiny', 'eu', now()) RETURNING id
            )
            INSERT INTO reliability.budget_state (subject_id, kind, objective_id, period_from, period_until, total, bad, rolling_total, rolling_bad,
                verdict, freeze_state, evaluated_at)
            SELECT subject.id, 'availability', objective.id, now(), now(), 1, 1, 1, 1, 'missed', \(state), now()
            FROM subject, reliability.objective WHERE objective.name = 'availability' RETURNING 1
            """)
    }
}
