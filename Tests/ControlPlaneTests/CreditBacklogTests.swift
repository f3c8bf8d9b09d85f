import Domain
import FoundationEssentials
import Postgres
import Testing

@testable import ControlPlane

/// Months that wait for their credit: who notes them, who waits for whom, and what is seen of one that fails.
@Suite struct CreditBacklogTests {
    /// The month before this one, whose records there are partitions for.
    private static let period: BillingPeriod = {
        let this = BillingPeriod(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000))
        return BillingPeriod(microseconds: this.start - 1)
    }()

    /// Agreements of one tenant for two models, whose credits of the month before are computed.
    private static func agreements(_ keeper: KeeperWorld) async throws -> CreditLedger {
        try await keeper.world.pool.execute(
            """
            WITH made AS (
                INSERT INTO reliability.terms (name, version, title, tier, created_by) VALUES ('pro', 1, 'Pro', 'pro', 'test') RETURNING id
            )
            INSERT INTO reliability.agreement (tenant_id, terms_id, model, region, state, starts_at, monthly_minimum_micro_usd, evidence, requested_by)
            SELECT \(keeper.tenant), id, model, 'eu', 'active', \(SQL.minute(period.start / 60_000_000)), 1000000, '{}', 'test'
            FROM made, unnest(ARRAY['tiny', 'other']) AS model
            """)
        let ledger = CreditLedger(keeper.databases)
        try await ledger.computeDue(at: Date(timeIntervalSince1970: Double(period.end / 1_000_000 + 3 * 86_400)))
        return ledger
    }

    private static func late(_ model: String, _ tenant: UUID) -> SQL {
        """
        INSERT INTO billing.usage_event (tenant_id, request_id, accepted_at, key_id, tier, model, region, gateway_id, boot_id, sequence,
            stream, status, outcome, finished_after_us, queued_for_us, prompt_tokens, cached_prompt_tokens, completion_tokens,
            reasoning_tokens, billable_prompt_tokens, billable_completion_tokens, estimated, attempts, payload_sha256)
        SELECT \(tenant), gen_random_uuid(), \(SQL.minute(period.start / 60_000_000 + 7)), gen_random_uuid(), 'pro', \(model), 'eu',
            gen_random_uuid(), 'b', number, true, 200, 'good', 10, 0, 100, 0, 7, 0, 100, 7, false, 1, sha256('x') FROM generate_series(1, 3) AS number
        """
    }

    private static func noted(_ keeper: KeeperWorld) async throws -> [String] {
        try await keeper.world.pool.query(
            """
            SELECT DISTINCT agreement.model FROM reliability.credit_recheck JOIN reliability.agreement ON agreement.id = agreement_id ORDER BY 1
            """
        ).map { try $0.value("model") }
    }

    @Test func `late records of the same agreements in opposite order wait for nobody, and nothing is lost`() async throws {
        try await KeeperWorld.run { keeper in
            let ledger = try await Self.agreements(keeper)
            #expect(try await Self.noted(keeper) == [])
            let pool = keeper.world.pool
            try await pool.transaction { one in
                try await pool.transaction { other in
                    try await one.execute(Self.late("tiny", keeper.tenant))
                    try await other.execute(Self.late("other", keeper.tenant))
                    try await one.execute(Self.late("other", keeper.tenant))
                    try await other.execute(Self.late("tiny", keeper.tenant))
                }
                #expect(try await keeper.world.count("SELECT 1 FROM reliability.credit_recheck") == 2, "one note for a transaction and month")
                // What is computed now has not seen what this transaction wrote.
                try await ledger.computeNoted()
                #expect(try await Self.noted(keeper) == [])
            }
            #expect(try await Self.noted(keeper) == ["other", "tiny"])
            try await ledger.computeNoted()
            #expect(try await ledger.backlog() == (0, 0))
            #expect(try await keeper.world.count("SELECT 1 FROM billing.usage_event") == 12)
        }
    }

    @Test func `a first credit waits for transactions that were open before it was noted`() async throws {
        try await KeeperWorld.run { keeper in
            let ledger = try await Self.agreements(keeper)
            let moment = Date(timeIntervalSince1970: Double(Self.period.end / 1_000_000 + 4 * 86_400))
            try await ledger.noteDue(at: moment, settling: .seconds(60))
            try await ledger.computeNoted()
            #expect(try await ledger.backlog().waiting == 2)
            try await ledger.noteDue(at: moment)
            #expect(try await keeper.world.count("SELECT 1 FROM reliability.credit_recheck") == 2, "noted once")
            try await keeper.world.pool.execute("UPDATE reliability.credit_recheck SET noted_at = noted_at - interval '1 minute'")
            try await ledger.computeNoted()
            #expect(try await ledger.backlog().waiting == 0)
            #expect(try await ledger.late(at: moment) == 0)
            #expect(try await ledger.late(at: moment + 86_400) == 2, "leaves are missing, so no credit of the month is final")
        }
    }

    @Test func `a credit that cannot be computed says why until it can, and keeps others from nothing`() async throws {
        try await EvidenceWorld.with { evidence in
            let (month, pool) = (EvidenceWorld.month.minutes, evidence.world.pool)
            try await evidence.agree(from: month.lowerBound)
            try await evidence.probes((month.lowerBound - 20)..<(month.upperBound + 10_000))
            try await evidence.begin()
            try await evidence.turn(at: month.upperBound + 5_800, closed: month.upperBound + 5_760)
            let ledger = CreditLedger(evidence.databases)
            let moment = Date(timeIntervalSince1970: Double(month.upperBound + 5_800) * 60)
            try await pool.execute("ALTER TABLE billing.charge_minute RENAME TO gone")
            for _ in 0..<2 { await #expect(throws: PostgresError.self) { try await ledger.computeDue(at: moment) } }
            let fault = try #require(try await pool.queryOne("SELECT tries, reason FROM reliability.credit_fault"))
            #expect(try fault.value("tries", as: Int.self) == 2)
            let reason: String = try fault.value("reason")
            #expect(reason == "other: the server refused the statement (42P01)")
            #expect(try await ledger.backlog() == (1, 1))
            let june = try #require(try await evidence.trees().first { $0.month == EvidenceWorld.month })
            let maker = BundleMaker(databases: evidence.databases, signer: evidence.signer)
            let refused = await #expect(throws: AdminRefusal.self) { try await maker.make(june) }
            #expect(refused?.code == "not_settled" && refused?.message.contains(reason) == true, "\(String(describing: refused))")
            try await pool.execute("ALTER TABLE billing.gone RENAME TO charge_minute")
            try await ledger.computeDue(at: moment)
            #expect(try await ledger.backlog() == (0, 0))
            try await evidence.turn(at: month.upperBound + 5_880, closed: month.upperBound + 5_760)
            let bundle = try await maker.make(june)
            #expect(BundleVerification(Array(bundle.utf8), key: evidence.signer.noteKey).holds)
        }
    }
}
