import Domain
import FoundationEssentials
import PlimsollWire
import Postgres
import Testing

@testable import ControlPlane

/// A gateway was killed: some of what it counted was told, all of it is in its usage records, which come with its next start.
@Suite struct MinuteRecountTests {
    private static let boot = "killed"
    private let gateway = UUID()
    private let tenant = UUID()
    /// Its last word came in the middle of this minute.
    private let minute = Int64(Date().timeIntervalSince1970) / 60 - 4

    private func record(_ outcome: Outcome = .good, at second: Double, key: UUID = UUID(), edit: (inout UsageRecord) -> Void = { _ in })
        -> UsageRecord
    {
        var record = UsageRecord(
            requestId: UUID().uuidString.lowercased(), tenant: tenant.lowercased, key: key.lowercased, tier: "pro", model: "tiny", release: "tiny-1",
            region: "eu", worker: nil, provider: "alpha", gateway: gateway.lowercased, boot: Self.boot, sequence: 1,
            acceptedAt: minute * 60_000_000 + Int64(second * 1_000_000), firstTokenAfter: 2_000_000, finishedAfter: 9_000_000, queuedFor: 7,
            stream: true, status: 200, outcome: outcome.rawValue, finishReason: nil, errorCode: nil, promptTokens: 5, cachedPromptTokens: 0,
            completionTokens: 256, reasoningTokens: 0, billablePromptTokens: 5, billableCompletionTokens: 256, estimated: false, attempts: 1)
        if outcome == .interrupted {
            (record.provider, record.firstTokenAfter, record.finishedAfter, record.queuedFor) = (nil, nil, 0, 0)
            (record.promptTokens, record.completionTokens) = (0, 0)
        }
        edit(&record)
        return record
    }

    private func told(_ outcomes: [String: Int64], provider: String = "alpha", minute: Int64? = nil) -> MinuteCounters {
        let good = outcomes["good"] ?? 0
        return MinuteCounters(
            minute: minute ?? self.minute, tenant: tenant.lowercased, tier: "pro", model: "tiny", region: "eu", provider: provider,
            outcomes: outcomes,
            firstTokenSamples: good, firstTokenOver: good, promptTokens: 5 * good, completionTokens: 256 * good,
            firstTokenHistogram: good > 0 ? [LatencyHistogram.index(of: 2_000_000): good] : [:], streams: good)
    }

    private func tell(_ world: PeerWorld, _ minutes: [MinuteCounters], boot: String = boot, sequence: Int64 = 3, closes: Bool? = false) async throws {
        let batch = MinuteBatch(gateway: "", boot: boot, sequence: sequence, minutes: minutes, closes: closes)
        _ = try await MinuteIntake(pool: world.pool).store(batch, from: gateway)
        try await world.pool.execute("UPDATE reliability.minute_source SET told_at = to_timestamp(\(minute * 60 + 30)) WHERE boot_id = \(Self.boot)")
    }

    /// What its next start sends, and what is made of it.
    private func recover(_ world: PeerWorld, _ records: [UsageRecord]) async throws -> [Int64] {
        _ = try await UsageIntake(pool: world.pool).store(UsageBatch(records: records), from: gateway)
        try await MinuteSources(pool: world.pool).noteRecorded(gateway, [Self.boot, ""])
        let recount = MinuteRecount(serving: world.pool, billing: world.pool, reliability: world.pool)
        var added: [Int64] = []
        for start in try await recount.ended() { added.append(try await recount.complete(start)) }
        return added
    }

    @Test func `a time of retrieval is completed like any other`() async throws {
        try await PeerWorld.with { world in
            var counters = told(["good": 1])
            counters.retrievalHistogram = [100: 1]
            counters.retrievedLastTokenHistogram = [LatencyHistogram.index(of: 9_000_100): 1]
            try await tell(world, [counters])
            let records = [2, 20].map { record(at: $0) { $0.retrieval = 100 } } + [record(at: 25)]
            #expect(try await recover(world, records) == [2])
            let row = try await world.pool.queryOne(
                """
                SELECT (retrieval_histogram ->> '100')::bigint AS told, (
                        SELECT sum(value::bigint) FROM jsonb_each_text(retrieved_first_token_histogram))::bigint AS first, (
                        SELECT sum(value::bigint) FROM jsonb_each_text(retrieved_last_token_histogram))::bigint AS last
                FROM reliability.minute WHERE minute_at = \(SQL.minute(minute)) AND provider = 'alpha'
                """)
            #expect(try ["told", "first", "last"].map { try row?.value($0, as: Int.self) } == [2, 2, 2])
        }
    }

    private func outcomes(_ world: PeerWorld) async throws -> [String] {
        try await world.pool.query(
            """
            SELECT (extract(epoch FROM minute_at)::bigint / 60 - \(minute)) || ' ' || outcome.key || ' ' || sum(outcome.value::bigint) AS line
            FROM reliability.minute, jsonb_each_text(outcomes) AS outcome GROUP BY minute_at, outcome.key
            """
        ).map { try $0.value("line") }.sorted()
    }

    @Test func `what was not told is added, once, and what had no record is kept`() async throws {
        try await PeerWorld.with { world in
            try await tell(world, [told(["good": 2]), told(["bad:shed": 1], provider: "")])
            try await tell(world, [told(["good": 1], minute: minute - 4)], boot: Self.boot + "-late", closes: nil)
            let records =
                [2, 20, 31, 33].map { record(at: $0) } + [record(.serverError, at: 61) { $0.firstTokenAfter = nil }]
                + [record(.interrupted, at: -600), record(at: -230) { $0.finishedAfter = 250_000_000 }]
            #expect(try await recover(world, records) == [4])
            let expected = ["-10 bad:interrupted 1", "-4 good 1", "0 bad:shed 1", "0 good 4", "1 bad:5xx 1"]
            #expect(try await outcomes(world) == expected.sorted())
            let row = try await world.pool.queryOne(
                """
                SELECT good, bad, first_token_samples, first_token_over, prompt_tokens, streams, last_token_samples, last_token_over,
                    (SELECT sum(value::bigint) FROM jsonb_each_text(first_token_histogram))::bigint AS samples
                FROM reliability.minute WHERE minute_at = \(SQL.minute(minute)) AND provider = 'alpha'
                """)
            let names = ["good", "first_token_samples", "first_token_over", "streams", "samples", "last_token_samples", "last_token_over"]
            #expect(try names.allSatisfy { try row?.value($0, as: Int.self) == 4 }, "\(String(describing: row))")
            #expect(try row?.value("prompt_tokens", as: Int.self) == 20)
            #expect(try await recover(world, records).isEmpty, "its last word has been said")
            try await world.pool.execute("UPDATE reliability.minute_source SET closed_at = NULL")
            #expect(try await recover(world, []) == [0])
            #expect(try await outcomes(world) == expected.sorted(), "done again it adds nothing")
        }
    }

    @Test func `its minute is no longer spoilt when its records have come, and tenants of its last seconds are not forgotten until then`()
        async throws
    {
        try await PeerWorld.with { world in
            let (sources, newcomer) = (MinuteSources(pool: world.pool), UUID())
            let recount = MinuteRecount(serving: world.pool, billing: world.pool, reliability: world.pool)
            try await tell(world, [told(["good": 2])])
            let early = record(at: 32) { $0.tenant = newcomer.lowercased }
            _ = try await UsageIntake(pool: world.pool).store(UsageBatch(records: [early]), from: gateway)
            #expect(try await sources.findLost(recount.served) == 1)
            let spoilt = "SELECT 1 FROM reliability.minute WHERE boot_id = 'killed-lost' AND bad = 1" as SQL
            #expect(try await world.count(spoilt) == 2)
            #expect(try await world.count("\(spoilt) AND tenant_id = \(newcomer)") == 1, "its first request came after the last word")
            #expect(try await recover(world, [record(at: 3), record(at: 4), record(.interrupted, at: 29)]) == [2])
            #expect(try await world.count(spoilt) == 0)
            #expect(try await outcomes(world) == ["0 bad:interrupted 1", "0 good 3"])
            #expect(try await sources.findLost(recount.served) == 0)
        }
    }

    @Test func `a start that told nothing at all is counted from its records, probes in no minute and drills apart`() async throws {
        try await PeerWorld.with { world in
            _ = try await world.pool.pipeline([
                "INSERT INTO serving.tenants (id, name, display_name, tier) VALUES (\(tenant), 'acme', 'Acme', 'pro')",
                """
                INSERT INTO serving.api_keys (tenant_id, name, prefix, sha256, purpose)
                SELECT \(tenant), purpose, 'p', sha256(convert_to(purpose, 'UTF8')), purpose FROM unnest(ARRAY['probe', 'drill']) AS purpose
                """,
            ])
            let keys = try await world.pool.query("SELECT id FROM serving.api_keys ORDER BY purpose").map { try $0.value("id", as: UUID.self) }
            try await MinuteSources(pool: world.pool).noteRecorded(gateway, [Self.boot])
            #expect(try await recover(world, [record(at: 1)] + keys.map { record(at: 2, key: $0) }) == [2])
            #expect(try await world.count("SELECT 1 FROM reliability.minute WHERE good = 1 AND drill") == 1)
            #expect(try await outcomes(world) == ["0 good 2"])
        }
    }

    @Test func `a start that stopped in good order is left alone`() async throws {
        try await PeerWorld.with { world in
            try await tell(world, [told(["good": 2])], closes: true)
            #expect(try await recover(world, [record(at: 1), record(at: 2), record(at: 3)]).isEmpty)
            #expect(try await outcomes(world) == ["0 good 2"])
        }
    }
}
