import Domain
import FoundationEssentials
import PlimsollWire
import Postgres
import Telemetry
import Testing

@testable import ControlPlane

@Suite struct UsageIntakeTests {
    static let gateway = UUID()

    func record(_ request: UUID = UUID(), tenant: UUID = UUID(), tokens: Int = 10, at moment: Date = Date()) -> UsageRecord {
        UsageRecord(
            requestId: request.uuidString.lowercased(), tenant: tenant.uuidString.lowercased(), key: UUID().uuidString.lowercased(), tier: "pro",
            model: "tiny", release: "tiny-1", region: "eu", worker: nil, provider: nil, gateway: Self.gateway.uuidString.lowercased(), boot: "b",
            sequence: 1, acceptedAt: Int64(moment.timeIntervalSince1970 * 1_000_000), firstTokenAfter: 5, finishedAfter: 10, queuedFor: 0,
            stream: true,
            status: 200, outcome: "good", finishReason: "stop", errorCode: nil, promptTokens: tokens, cachedPromptTokens: 0, completionTokens: 0,
            reasoningTokens: 0, billablePromptTokens: tokens, billableCompletionTokens: 0, estimated: false, attempts: 1)
    }

    /// Vector MTR-01: r1 is sent again as it was, r2 with another content.
    @Test func repeatedRecordsCountOnceAndConflictsAreSetAside() async throws {
        try await PeerWorld.with { world in
            let intake = UsageIntake(pool: world.pool)
            let tenant = UUID()
            let one = record(tenant: tenant, tokens: 850)
            let two = record(tenant: tenant, tokens: 100)
            let three = record(tenant: tenant, tokens: 7)
            var conflict = two
            conflict.promptTokens = 900
            let answer = try await intake.store(UsageBatch(records: [one, two, one, three, conflict]), from: Self.gateway)
            #expect(answer == IntakeResponse(stored: 3, duplicates: 1, quarantined: 1))
            let again = try await intake.store(UsageBatch(records: [one, conflict]), from: Self.gateway)
            #expect(again == IntakeResponse(stored: 0, duplicates: 1, quarantined: 1))
            let sum = try await world.pool.queryOne("SELECT sum(prompt_tokens)::bigint AS tokens FROM billing.usage_event")
            #expect(try sum?.value("tokens", as: Int.self) == 957)
            #expect(try await world.count("SELECT 1 FROM billing.usage_quarantine WHERE reason = 'conflict'") == 1)
        }
    }

    @Test func `a time of retrieval is stored, and one that no gateway takes is set aside`() async throws {
        try await PeerWorld.with { world in
            let records = ([850_250, nil, -1, 600_000_001] as [Int64?]).map { time in
                var record = record()
                record.retrieval = time
                return record
            }
            let answer = try await UsageIntake(pool: world.pool).store(UsageBatch(records: records), from: Self.gateway)
            #expect(answer == IntakeResponse(stored: 2, duplicates: 0, quarantined: 2))
            let row = try await world.pool.queryOne("SELECT sum(retrieval_us)::bigint AS time, count(*) AS records FROM billing.usage_event")
            #expect(try row?.value("time", as: Int.self) == 850_250 && row?.value("records", as: Int.self) == 2)
        }
    }

    @Test func theSameBatchFromManyAtOnceIsStoredOnce() async throws {
        try await PeerWorld.with { world in
            let batch = UsageBatch(records: (0..<50).map { _ in record() })
            let stored = try await withThrowingTaskGroup(of: Int.self) { group in
                for turn in 0..<6 {
                    let records = turn.isMultiple(of: 2) ? batch.records : batch.records.reversed()
                    group.addTask { try await UsageIntake(pool: world.pool).store(UsageBatch(records: records), from: Self.gateway).stored }
                }
                return try await group.reduce(0, +)
            }
            #expect(stored == 50)
            #expect(try await world.count("SELECT 1 FROM billing.usage_event") == 50)
        }
    }

    @Test func timesOutOfBoundsAndBrokenRecordsAreSetAside() async throws {
        try await PeerWorld.with { world in
            let now = Date()
            var nameless = record()
            nameless.tenant = "nobody"
            var endless = record()
            endless.promptTokens = -1
            var lasting = record()
            lasting.finishedAfter = .max
            let batch = UsageBatch(records: [
                record(at: now + 299), record(at: now + 301), record(at: now - 34 * 86_400), record(at: now - 36 * 86_400), nameless, endless,
                lasting,
            ])
            var newer = record()
            newer.outcome = "bad:melted"
            #expect(try await UsageIntake(pool: world.pool).store(UsageBatch(records: [newer]), from: Self.gateway).stored == 1)
            let answer = try await UsageIntake(pool: world.pool).store(batch, from: Self.gateway, at: now)
            #expect(answer == IntakeResponse(stored: 2, duplicates: 0, quarantined: 5))
            #expect(try await world.count("SELECT 1 FROM billing.usage_quarantine WHERE reason IN ('future', 'too_old', 'malformed')") == 5)
        }
    }

    @Test func tooManyAtOnceAreRefusedAndNoneIsFine() async throws {
        try await PeerWorld.with { world in
            let intake = UsageIntake(pool: world.pool)
            let many = UsageBatch(records: Array(repeating: record(), count: 1_001))
            let reason = try await world.reason { _ = try await intake.store(many, from: Self.gateway) }
            #expect(reason == .tooLarge)
            let none = try await intake.store(UsageBatch(records: []), from: Self.gateway)
            #expect(none.stored == 0)
        }
    }
}

@Suite struct MinuteIntakeTests {
    private static let gateway = UUID()

    func batch(_ sequence: Int64, good: Int64, boot: String = "b", tenant: UUID) -> MinuteBatch {
        let minute = Int64(Date().timeIntervalSince1970 / 60)
        return MinuteBatch(
            gateway: "", boot: boot, sequence: sequence,
            minutes: [
                MinuteCounters(
                    minute: minute, tenant: tenant.uuidString.lowercased(), tier: "pro", model: "tiny", region: "eu",
                    outcomes: ["good": good, "bad:5xx": 1, "excluded:4xx": 2], firstTokenHistogram: [3: good])
            ])
    }

    @Test func `a minute of two providers and two tiers is four counts`() async throws {
        try await PeerWorld.with { world in
            let intake = MinuteIntake(pool: world.pool)
            let tenant = UUID()
            var report = batch(1, good: 5, tenant: tenant)
            let first = report.minutes[0]
            report.minutes = ["pro", "business"].flatMap { tier in
                ["alpha", "beta"].map { provider in
                    var other = first
                    (other.tier, other.provider) = (tier, provider)
                    return other
                }
            }
            report.minutes[0].lastTokenSamples = 2
            report.minutes[0].queueHistogram = [7: 3]
            report.minutes[0].retrievalHistogram = [9: 2]
            #expect(try await intake.store(report, from: UUID()).stored == 4)
            let row = try await world.pool.queryOne(
                "SELECT (queue_histogram->>'7') || (retrieval_histogram->>'9') AS waits FROM reliability.minute WHERE last_token_samples = 2 AND provider = 'alpha'"
            )
            #expect(try row?.value("waits", as: String.self) == "32")
            report.minutes[0].lastTokenOver = 3
            #expect(try await intake.store(report, from: UUID()).quarantined == 1)
        }
    }

    @Test func laterReportsReplaceEarlierOnesAndAreNotAdded() async throws {
        try await PeerWorld.with { world in
            let intake = MinuteIntake(pool: world.pool)
            let tenant = UUID()
            let gateway = UUID()
            #expect(try await intake.store(batch(1, good: 5, tenant: tenant), from: gateway).stored == 1)
            #expect(try await intake.store(batch(3, good: 9, tenant: tenant), from: gateway).stored == 1)
            #expect(
                try await intake.store(batch(2, good: 7, tenant: tenant), from: gateway) == IntakeResponse(stored: 0, duplicates: 1, quarantined: 0))
            #expect(try await intake.store(batch(1, good: 2, boot: "c", tenant: tenant), from: gateway).stored == 1)
            let row = try await world.pool.queryOne("SELECT sum(good)::bigint AS good, sum(bad)::bigint AS bad FROM reliability.minute")
            #expect(try row?.value("good", as: Int.self) == 11)
            #expect(try row?.value("bad", as: Int.self) == 2)
        }
    }

    @Test func `an outcome that only a newer gateway has counts as its word says, and what nothing is known of waits by itself`() async throws {
        try await PeerWorld.with { world in
            let (intake, tenant, gateway) = (MinuteIntake(pool: world.pool), UUID(), UUID())
            var report = batch(1, good: 5, tenant: tenant)
            report.minutes[0].outcomes = ["good": 5, "bad:melted": 2, "excluded:whim": 1]
            var other = report.minutes[0]
            (other.model, other.outcomes) = ("other", ["good": 4, "perhaps": 3])
            var early = report.minutes[0]
            (early.minute, early.model) = (early.minute + 60, "early")
            report.minutes += [other, early]
            #expect(try await intake.store(report, from: gateway) == IntakeResponse(stored: 1, duplicates: 0, quarantined: 2))
            func counted() async throws -> [String] {
                try await world.pool.query(
                    "SELECT model || ' ' || good || ' ' || bad || ' ' || excluded AS line FROM reliability.minute ORDER BY model"
                ).map { try $0.value("line") }
            }
            #expect(try await counted() == ["tiny 5 2 1"])
            // Told again with more, and once late with less.
            for (sequence, count) in [(3, 6), (2, 4)] as [(Int64, Int64)] {
                report.sequence = sequence
                report.minutes[1].outcomes["perhaps"] = count
                _ = try await intake.store(report, from: gateway)
            }
            let (aside, now) = (MinuteAside(pool: world.pool), Date())
            #expect(try await aside.count() == 2)
            #expect(try await aside.retry(since: now - 3_600, now: now) == 0, "it was tried just now")
            #expect(try await aside.retry(since: now - 3_600, now: now + 3_600) == 1)
            #expect(try await counted() == ["early 5 2 1", "tiny 5 2 1"])
            // What stands in for the release that knows the outcome.
            try await world.pool.execute("UPDATE reliability.minute_aside SET counters = replace(counters::text, 'perhaps', 'bad:perhaps')::jsonb")
            #expect(try await aside.retry(since: now + 3_601, now: now + 3_602) == 1)
            #expect(try await counted() == ["early 5 2 1", "other 4 6 0", "tiny 5 2 1"])
            #expect(try await aside.count() == 0)
        }
    }

    @Test func `who counts minutes that were set aside tells how many there are, and whoever did so before tells none`() async throws {
        try await PeerWorld.with { world in
            var report = batch(1, good: 5, tenant: UUID())
            report.minutes[0].outcomes["perhaps"] = 3
            _ = try await MinuteIntake(pool: world.pool).store(report, from: UUID())
            let (databases, metrics) = (ControlDatabases(world.pool.configuration, logger: world.logger), MetricRegistry())
            let keeper = RecountKeeper(databases: databases, holder: UUID(), metrics: metrics, logger: world.logger)
            try await keeper.turn()
            #expect(metrics.prometheusText().contains("plimsoll_control_reports_set_aside 1"))
            try await world.pool.execute("UPDATE serving.leases SET holder = gen_random_uuid(), expires_at = now() + interval '1 hour'")
            try await keeper.turn()
            #expect(metrics.prometheusText().contains("plimsoll_control_reports_set_aside 0"))
            await databases.close()
        }
    }

    /// As a gateway tells it whose release has more in a minute of the model `tiny` than this one.
    private func newer(_ report: MinuteBatch, _ fields: String) throws -> MinuteBatch {
        let text = String(decoding: try WireCoder.encode(report), as: UTF8.self)
        return try WireCoder.decode(MinuteBatch.self, from: text.replacing(#""model":"tiny""#, with: #"\#(fields),"model":"tiny""#).utf8)
    }

    @Test func `a minute with counters that only a newer gateway has waits, whole, for a release that knows them`() async throws {
        try await PeerWorld.with { world in
            let (intake, gateway) = (MinuteIntake(pool: world.pool), UUID())
            var report = batch(1, good: 5, tenant: UUID())
            report.minutes.append(report.minutes[0])
            report.minutes[1].model = "other"
            let told = try newer(report, #""heat_histogram":{"a_b":3},"heat_sum":9007199254740993"#)
            #expect(try await intake.store(told, from: gateway) == IntakeResponse(stored: 1, duplicates: 0, quarantined: 1))
            let kept = try await world.pool.queryOne(
                """
                SELECT (counters ->> 'heat_sum') || ' ' || (counters #>> '{heat_histogram,a_b}') || ' ' || (counters #>> '{outcomes,bad:5xx}') AS line
                FROM reliability.minute_aside WHERE reason = 'unknown'
                """)
            #expect(try kept?.value("line", as: String.self) == "9007199254740993 3 1")
            let (aside, now) = (MinuteAside(pool: world.pool), Date())
            #expect(try await aside.retry(since: now + 1, now: now + 1) == 0)
            // What stands in for the release that knows them.
            try await world.pool.execute("UPDATE reliability.minute_aside SET counters = counters - 'heat_histogram' - 'heat_sum'")
            #expect(try await aside.retry(since: now + 2, now: now + 2) == 1)
            let counted = try await world.pool.query("SELECT model || ' ' || good AS line FROM reliability.minute ORDER BY model")
            #expect(try counted.map { try $0.value("line", as: String.self) } == ["other 5", "tiny 5"])
        }
    }

    @Test func `what is unknown tells minutes apart by its words, replaces itself by its counts, and is no endless text`() async throws {
        try await PeerWorld.with { world in
            let (intake, gateway, tenant) = (MinuteIntake(pool: world.pool), UUID(), UUID())
            let told = [
                (1, #""class":"batch","heat":1"#), (2, #""class":"chat","heat":1"#), (3, #""class":"chat","heat":2"#),
                (4, #""class":"chat","urgent":true"#), (5, #""class":"\u0000""#), (6, "\"class\":\"\(String(repeating: "x", count: 20_000))\""),
            ]
            for (sequence, fields) in told {
                #expect(try await intake.store(newer(batch(Int64(sequence), good: 5, tenant: tenant), fields), from: gateway).quarantined == 1)
            }
            let kept = try await world.pool.query("SELECT sequence FROM reliability.minute_aside ORDER BY sequence")
            #expect(try kept.map { try $0.value("sequence", as: Int64.self) } == [1, 3, 4])
        }
    }

    /// Vector MIN-15: each number of a node's stands for itself, as starts of a gateway do.
    @Test func `minutes are the sum of what each start told last, in whatever order and however often it comes`() async throws {
        try await PeerWorld.with { world in
            let arrived: [(node: String, start: Int, good: Int64, bad: Int64)] = [
                ("gw-b", 2, 24, 0), ("gw-a", 1, 40, 0), ("gw-b", 1, 35, 1), ("gw-a", 1, 40, 0), ("gw-a", 2, 20, 0), ("gw-b", 1, 35, 1),
            ]
            let (intake, tenant, gateways) = (MinuteIntake(pool: world.pool), UUID(), ["gw-a": UUID(), "gw-b": UUID()])
            var (duplicates, minute) = (0, Int64(0))
            for report in arrived {
                var told = batch(1, good: report.good, boot: "\(report.start)", tenant: tenant)
                minute = minute == 0 ? told.minutes[0].minute : minute
                (told.minutes[0].minute, told.minutes[0].outcomes) = (minute, ["good": report.good, "bad:5xx": report.bad])
                duplicates += try await intake.store(told, from: try #require(gateways[report.node])).duplicates
            }
            try await MinuteRoll(pool: world.pool).roll(minute..<minute + 1)
            let total = try await world.pool.queryOne("SELECT sum(good)::bigint AS good, sum(bad)::bigint AS bad FROM reliability.minute_total")
            var evidence = MinuteEvidence()
            (evidence.good, evidence.bad) = (try #require(try total?.value("good")), try #require(try total?.value("bad")))
            #expect(evidence.good == 119 && evidence.bad == 1 && duplicates == 2 && evidence.promiseStatus(.anyBad) == .bad)
        }
    }

    @Test func aGatewayThatFallsSilentSpoilsItsLastMinuteUntilItSpeaksAgain() async throws {
        try await PeerWorld.with { world in
            let (intake, sources) = (MinuteIntake(pool: world.pool), MinuteSources(pool: world.pool))
            let tenant = UUID()
            let tell = { (boot: String, sequence: Int64, closes: Bool?) in
                var told = batch(sequence, good: 5, boot: boot, tenant: tenant)
                told.closes = closes
                _ = try await intake.store(told, from: Self.gateway)
            }
            for (boot, closes) in [("killed", false), ("stopped", true), ("old", nil)] as [(String, Bool?)] { try await tell(boot, 1, closes) }
            #expect(try await sources.findLost { _, _, _ in [] } == 0, "nobody was silent for long")
            // The last word came in the last seconds of a minute.
            _ = try await world.pool.pipeline([
                "UPDATE reliability.minute SET minute_at = date_trunc('minute', now()) - interval '3 minutes'",
                "UPDATE reliability.minute_told SET minute_at = date_trunc('minute', now()) - interval '3 minutes'",
                "UPDATE reliability.minute_source SET told_at = date_trunc('minute', now()) - interval '123 seconds'",
            ])
            for lost in [1, 0] { #expect(try await sources.findLost { _, _, _ in [] } == lost) }
            let spoiled: SQL = """
                SELECT sum(bad)::bigint AS bad, count(DISTINCT minute_at) AS minutes, max(outcomes ->> 'bad:interrupted') AS interrupted
                FROM reliability.minute WHERE boot_id = 'killed-lost' AND tenant_id = \(tenant) AND bad > 0
                """
            let found = try await world.pool.queryOne(spoiled)
            #expect(try found?.value("bad", as: Int.self) == 2 && found?.value("minutes", as: Int.self) == 2)
            #expect(try found?.value("interrupted", as: String.self) == "1")
            #expect(try await world.count("SELECT 1 FROM reliability.minute WHERE boot_id LIKE '%-lost'") == 2, "nobody else's")
            _ = try await intake.store(MinuteBatch(gateway: "", boot: "killed", sequence: 9, minutes: [], closes: false), from: Self.gateway)
            #expect(try await world.count("SELECT 1 FROM reliability.minute WHERE boot_id LIKE '%-lost' AND (bad > 0 OR outcomes <> '{}')") == 0)
        }
    }

    @Test func `a gateway that speaks again to somebody who dies meanwhile is no less heard the second time`() async throws {
        try await PeerWorld.with { world in
            let (intake, sources) = (MinuteIntake(pool: world.pool), MinuteSources(pool: world.pool))
            var told = batch(1, good: 5, boot: "cut", tenant: UUID())
            told.closes = false
            _ = try await intake.store(told, from: Self.gateway)
            _ = try await world.pool.pipeline([
                "UPDATE reliability.minute SET minute_at = date_trunc('minute', now()) - interval '3 minutes'",
                "UPDATE reliability.minute_told SET minute_at = date_trunc('minute', now()) - interval '3 minutes'",
                "UPDATE reliability.minute_source SET told_at = date_trunc('minute', now()) - interval '123 seconds'",
            ])
            #expect(try await sources.findLost { _, _, _ in [] } == 1)
            let spoiled: SQL = "SELECT 1 FROM reliability.minute WHERE boot_id = 'cut-lost' AND bad > 0"
            #expect(try await world.count(spoiled) > 0)
            // Whatever of it is done, it does not come to its end.
            _ = try await world.pool.pipeline([
                "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'killed'; END $$",
                "CREATE TRIGGER die BEFORE UPDATE ON reliability.minute FOR EACH ROW EXECUTE FUNCTION die()",
            ])
            let again = MinuteBatch(gateway: "", boot: "cut", sequence: 2, minutes: [], closes: false)
            await #expect(throws: PostgresError.self) { try await intake.store(again, from: Self.gateway) }
            try await world.pool.execute("DROP TRIGGER die ON reliability.minute")
            _ = try await intake.store(again, from: Self.gateway)
            #expect(try await world.count(spoiled) == 0)
        }
    }

    @Test func `first tokens of the last half minute are those that gateways told last, while that is news`() async throws {
        try await PeerWorld.with { world in
            let (intake, sources) = (MinuteIntake(pool: world.pool), MinuteSources(pool: world.pool))
            let tell = { (gateway: UUID, sequence: Int64, samples: Int64, over: Int64, drill: Bool?) in
                let told = FirstTokenCount(tier: "pro", model: "tiny", region: "eu", drill: drill, samples: samples, over: over)
                var batch = MinuteBatch(gateway: "", boot: "b", sequence: sequence, minutes: [], closes: false, firstTokens: [told, told])
                batch.firstTokens?[1].over = samples + 1
                _ = try await intake.store(batch, from: gateway)
            }
            let service = ServiceName(tier: "pro", model: "tiny", region: "eu")
            try await tell(Self.gateway, 1, 50, 40, nil)
            try await tell(Self.gateway, 2, 20, 3, nil)
            try await tell(UUID(), 1, 10, 9, nil)
            #expect(try await sources.firstTokens() == [service: LatencyCounter(samples: 30, over: 12)], "what can not be was left out")
            try await world.pool.execute("UPDATE reliability.minute_source SET told_at = now() - interval '16 seconds' WHERE sequence = 2")
            #expect(try await sources.firstTokens() == [service: LatencyCounter(samples: 10, over: 9)])
            try await tell(Self.gateway, 3, 4, 4, true)
            #expect(try await sources.firstTokens()[ServiceName(tier: "pro", model: "tiny", region: "eu", isDrill: true)]?.over == 4)
            _ = try await intake.store(MinuteBatch(gateway: "", boot: "b", sequence: 4, minutes: [], closes: false), from: Self.gateway)
            #expect(try await sources.firstTokens().count == 1)
        }
    }

    @Test func nobodyIsCalledSilentRightAfterABeginningOrALeapOfTheClock() {
        var attention = Attention()
        let (wall, instant) = (Date(timeIntervalSince1970: 1_800_000_000), ContinuousClock.now)
        let holds = { (wallPassed: Double, passed: Int) in
            attention.holds(at: wall + wallPassed, instant + .seconds(passed))
        }
        #expect(!holds(0, 0) && !holds(119, 119) && holds(121, 121))
        #expect(!holds(900, 180), "it leapt")
        #expect(!holds(960, 240) && holds(1_022, 302))
        attention.lose()
        #expect(!holds(1_100, 380))
    }
}
