import Domain
import FoundationEssentials
import PlimsollWire
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

@Suite("Minutes are merged before they are stored") struct MinuteMergeTests {
    private let minute = Int64(Date().timeIntervalSince1970) / 60
    private static let tenants = (0..<6).map { _ in UUID() }

    /// A start of a gateway that counts on: what it tells never becomes less.
    private struct Start {
        var gateway = UUID()
        var boot = "b"
        var sequence: Int64 = 0
        var counted: [MinuteIntake.Key: MinuteSums] = [:]

        mutating func countMore(_ minute: Int64) -> MinuteBatch {
            sequence += 1
            let keys = MinuteMergeTests.tenants.shuffled().prefix(.random(in: 1...6)).map { tenant in
                MinuteIntake.Key(
                    tenant: tenant, model: "tiny", region: "eu", minute: minute - .random(in: 0...1),
                    tier: ["pro", "business"].randomElement() ?? "",
                    provider: ["", "alpha", "bèta"].randomElement() ?? "", drill: Bool.random())
            }
            for key in keys { counted[key, default: MinuteSums.none].add(MinuteMergeTests.some()) }
            return MinuteBatch(
                gateway: "", boot: boot, sequence: sequence, minutes: Set(keys).compactMap { key in counted[key]?.counters(key) })
        }
    }

    private static func some() -> MinuteSums {
        let samples = Int64.random(in: 0...20)
        func histogram() -> [Int: Int64] { [.random(in: 0...5): .random(in: 1...9), .random(in: 1_800...1_805): .random(in: 1...9)] }
        return MinuteSums(
            outcomes: ["good": .random(in: 0...9), "bad:5xx": .random(in: 0...1), "excluded:quota": 1].filter { _ in Bool.random() },
            counts: [samples, .random(in: 0...samples), 9, 8, 7, 6, 5, samples, .random(in: 0...samples)],
            histograms: (0..<MinuteSums.histograms).map { _ in BucketCounts(Bool.random() ? histogram() : [:]) })
    }

    private func stored(_ world: PeerWorld) async throws -> [MinuteIntake.Key: MinuteSums] {
        let rows = try await world.pool.query("SELECT *, extract(epoch FROM minute_at)::bigint / 60 AS minute FROM reliability.minute")
        return try rows.reduce(into: [:]) { sums, row in
            let key = MinuteIntake.Key(
                tenant: try row.value("tenant_id"), model: try row.value("model"), region: try row.value("region"), minute: try row.value("minute"),
                tier: try row.value("tier"), provider: try row.value("provider"), drill: try row.value("drill"))
            var counters = MinuteCounters(minute: key.minute, tenant: "", tier: "", model: "", region: "")
            try counters.read(row)
            let told = MinuteSums(counters)
            #expect(
                try told.count(.good) == row.value("good") && told.count(.bad) == row.value("bad") && told.count(.excluded) == row.value("excluded"))
            sums[key, default: .none].add(told)
        }
    }

    private func told(_ world: PeerWorld) async throws -> [MinuteIntake.Key: MinuteSums] {
        try await world.pool.withConnection { connection in
            try await ToldMinutes.rows(
                "SELECT gateway_id, boot_id, extract(epoch FROM minute_at)::bigint / 60 AS minute, counters FROM reliability.minute_told", connection)
        }.values.reduce(into: [:]) { sums, told in
            for (key, last) in told.counters { try sums[key, default: .none].add(last.sums) }
        }
    }

    private func sum(_ starts: [Start]) -> [MinuteIntake.Key: MinuteSums] {
        starts.reduce(into: [:]) { sums, start in
            for (key, counted) in start.counted { sums[key, default: .none].add(counted) }
        }
    }

    @Test("they are the sum of what each start told last, whoever is told of it, in whatever order and however often")
    func exact() async throws {
        try await PeerWorld.with { world in
            // Of two control planes.
            let intakes = [MinuteIntake(pool: world.pool), MinuteIntake(pool: world.pool)]
            var starts = (0..<5).map { _ in Start() }
            starts[4].gateway = starts[3].gateway
            starts[4].boot = "b-late"
            for _ in 0..<4 {
                let batches = starts.indices.flatMap { index in (0..<2).map { _ in (starts[index].gateway, starts[index].countMore(minute)) } }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for (gateway, batch) in batches.shuffled() + batches.shuffled() {
                        let intake = intakes.randomElement() ?? intakes[0]
                        group.addTask { _ = try await intake.store(batch, from: gateway) }
                    }
                    try await group.waitForAll()
                }
                let expected = sum(starts).mapValues(\.withoutNothing)
                #expect(try await stored(world).mapValues(\.withoutNothing) == expected)
                #expect(try await told(world).mapValues(\.withoutNothing) == expected, "the sums can be made anew of what was told")
            }
            #expect(try await world.count("SELECT 1 FROM reliability.minute WHERE gateway_id <> '00000000-0000-0000-0000-000000000000'") == 0)
        }
    }

    @Test("one that comes twice counts once, and one that died on its way into the sums not at all")
    func once() async throws {
        try await PeerWorld.with { world in
            let (intake, other) = (MinuteIntake(pool: world.pool), MinuteIntake(pool: world.pool))
            var start = Start()
            let (batch, gateway) = (start.countMore(minute), start.gateway)
            _ = try await world.pool.pipeline([
                "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'killed'; END $$",
                "CREATE TRIGGER die BEFORE INSERT ON reliability.minute FOR EACH ROW EXECUTE FUNCTION die()",
            ])
            await #expect(throws: PostgresError.self) { try await intake.store(batch, from: gateway) }
            #expect(try await told(world).isEmpty)
            try await world.pool.execute("DROP TRIGGER die ON reliability.minute")
            async let first = intake.store(batch, from: gateway)
            async let second = other.store(batch, from: gateway)
            let answers = try await [first, second]
            #expect(answers.map(\.stored).sorted() == [0, batch.minutes.count] && answers.map(\.duplicates).sorted() == [0, batch.minutes.count])
            #expect(try await stored(world).mapValues(\.withoutNothing) == sum([start]).mapValues(\.withoutNothing))
        }
    }

    @Test("those that wait are merged with what is being read, and no longer than they may wait")
    func gathered() async throws {
        try await PeerWorld.with { world in
            let (intake, impatient) = (MinuteIntake(pool: world.pool, patience: .seconds(60)), MinuteIntake(pool: world.pool, patience: .zero))
            let tenant = UUID().lowercased
            let told = MinuteCounters(minute: minute, tenant: tenant, tier: "pro", model: "tiny", region: "eu", outcomes: ["good": 1])
            let batch = ToldBatch(MinuteBatch(gateway: "", boot: "b", sequence: 1, minutes: [told]), at: Date())
            let (isRead, read) = AsyncStream.makeStream(of: Void.self)
            async let second = intake.reading {
                for await _ in isRead {}
                return batch
            }
            try await Waiting.until("it is read", within: .seconds(30)) { intake.coming == 1 }
            async let first = intake.store(batch, from: UUID())
            try await Waiting.until("the first waits", within: .seconds(30)) { intake.waiting == 1 }
            #expect(try await stored(world).isEmpty)
            _ = try await impatient.store(batch, from: UUID())
            read.finish()
            let other = try await intake.store(second, from: UUID())
            let answers = try await [first, other]
            #expect(answers.map(\.stored) == [1, 1])
            let row = try #require(try await world.pool.queryOne("SELECT good, sequence FROM reliability.minute"))
            #expect(try row.value("good") == 3 && row.value("sequence") == 2, "merged once beside the impatient one")
        }
    }

    @Test("with many to merge even the impatient wait for what is being read")
    func manyWait() async throws {
        try await PeerWorld.with { world in
            let intake = MinuteIntake(pool: world.pool, patience: .zero)
            let tenant = UUID().lowercased
            let told = (0..<5_000).map { number in
                MinuteCounters(minute: minute, tenant: tenant, tier: "pro", model: "m-\(number)", region: "eu", outcomes: ["good": 1])
            }
            let batch = ToldBatch(MinuteBatch(gateway: "", boot: "b", sequence: 1, minutes: told), at: Date())
            let other = try await intake.reading {
                async let first = intake.store(batch, from: UUID())
                try await Waiting.until("the first waits", within: .seconds(30)) { intake.waiting == 1 }
                async let second = intake.store(batch, from: UUID())
                try await Waiting.until("the second does too", within: .seconds(30)) { intake.waiting != 1 }
                let answers = try await [first, second]
                #expect(answers.map(\.stored) == [5_000, 5_000])
                return batch
            }
            #expect(other.count == 5_000)
            #expect(try await world.count("SELECT 1 FROM reliability.minute WHERE good = 2 AND sequence = 1") == 5_000, "merged once")
        }
    }

    @Test("what gateways that were cut off tell of many minutes at once is merged, however many those are")
    func afterAnOutage() async throws {
        try await PeerWorld.with { world in
            let key = MinuteIntake.Key(tenant: UUID(), model: "tiny", region: "eu", minute: minute, tier: "pro", provider: "", drill: false)
            var sums = MinuteSums.none
            sums.add(outcome: "good", 1)
            let rows: MinuteRows = [minute: [key: PackedSums(sums)]]
            let group = (0...10_000).map { _ in MinuteMerge.Told(gateway: UUID(), boot: "b", sequence: 1, rows: rows) }
            let counts = try await MinuteMerge(pool: world.pool).store(group)
            #expect(counts.count == 10_001 && counts.allSatisfy { $0 == 1 })
            let row = try #require(try await world.pool.queryOne("SELECT good FROM reliability.minute"))
            #expect(try row.value("good") == 10_001)
            #expect(try await world.count("SELECT 1 FROM reliability.minute_told") == 10_001)
        }
    }

    @Test("what is told as less is less")
    func less() async throws {
        try await PeerWorld.with { world in
            let (intake, gateways) = (MinuteIntake(pool: world.pool), [UUID(), UUID()])
            var told = MinuteCounters(
                minute: minute, tenant: UUID().lowercased, tier: "pro", model: "tiny", region: "eu", outcomes: ["good": 5, "bad:5xx": 2],
                firstTokenSamples: 5, firstTokenHistogram: [7: 3, 9: 2])
            for gateway in gateways { _ = try await intake.store(MinuteBatch(gateway: "", boot: "b", sequence: 1, minutes: [told]), from: gateway) }
            (told.outcomes, told.firstTokenSamples, told.firstTokenHistogram) = (["good": 4], 4, [7: 4])
            _ = try await intake.store(MinuteBatch(gateway: "", boot: "b", sequence: 2, minutes: [told]), from: gateways[0])
            let row = try #require(try await stored(world).values.first)
            #expect(row.outcomes == ["good": 9, "bad:5xx": 2] && row.counts[0] == 9 && row.histograms[0] == [7: 7, 9: 2])
        }
    }

    @Test("a row of the release before is a part of the sum, and that release can not count again what is merged")
    func releaseBefore() async throws {
        try await PeerWorld.with { world in
            let (intake, gateway, tenant) = (MinuteIntake(pool: world.pool), UUID(), UUID())
            let old: SQL = """
                INSERT INTO reliability.minute (tenant_id, model, region, minute_at, gateway_id, boot_id, sequence, tier, outcomes, good, bad, excluded,
                    first_token_samples, first_token_over, prompt_tokens, completion_tokens, rate_limited, disconnects, first_token_histogram)
                VALUES (\(tenant), 'tiny', 'eu', \(SQL.minute(minute)), \(gateway), 'b', 3, 'pro', '{"good": 5}', 5, 0, 0, 5, 1, 0, 0, 0, 0, '{"7": 5}')
                """
            try await world.pool.execute(old)
            let told = MinuteCounters(
                minute: minute, tenant: tenant.lowercased, tier: "pro", model: "tiny", region: "eu", outcomes: ["good": 7], firstTokenSamples: 7,
                firstTokenOver: 1, firstTokenHistogram: [7: 6, 8: 1])
            #expect(try await intake.store(MinuteBatch(gateway: "", boot: "b", sequence: 3, minutes: [told]), from: gateway).stored == 0)
            #expect(try await intake.store(MinuteBatch(gateway: "", boot: "b", sequence: 4, minutes: [told]), from: gateway).stored == 1)
            #expect(try await stored(world).values.map(\.withoutNothing) == [MinuteSums(told).withoutNothing])
            await #expect(throws: PostgresError.self) { try await world.pool.execute("\(old) ON CONFLICT DO NOTHING") }
        }
    }

    @Test("what comes after its minute was closed is a late report")
    func late() async throws {
        try await PeerWorld.with { world in
            let intake = MinuteIntake(pool: world.pool)
            var starts = [Start(), Start()]
            _ = try await intake.store(starts[0].countMore(minute - 40), from: starts[0].gateway)
            try await world.pool.execute(
                "INSERT INTO reliability.minute_progress (closed_until) VALUES (\(SQL.minute(minute - 20)))")
            try await world.pool.execute("TRUNCATE reliability.late_minute")
            _ = try await intake.store(starts[1].countMore(minute - 40), from: starts[1].gateway)
            let tenants = Set(starts[1].counted.keys.map(\.tenant))
            let noted = try await world.pool.query("SELECT DISTINCT tenant_id FROM reliability.late_minute").map {
                try $0.value("tenant_id", as: UUID.self)
            }
            #expect(Set(noted) == tenants)
        }
    }

    @Test("packed counters are read as they were, and what is torn is none")
    func packed() throws {
        var start = Start()
        _ = start.countMore(minute)
        var packed = PackedMinutes()
        for (key, sums) in start.counted { packed.add(key, .max, PackedSums(sums)) }
        var read: [MinuteIntake.Key: MinuteSums] = [:]
        let bytes = packed.bytes
        for place in [minute - 1, minute] {
            try PackedMinutes.read(bytes, minute: place) { key, sequence, sums in
                #expect(sequence == .max)
                if start.counted[key] != nil { read[key] = try? sums.sums() }
            }
        }
        #expect(read == start.counted)
        #expect(throws: PackedMinutes.Damaged.self) { try PackedMinutes.read(Array(bytes.dropLast()), minute: minute) { _, _, _ in } }
        #expect(throws: PackedMinutes.Damaged.self) { try PackedMinutes.read([9], minute: minute) { _, _, _ in } }
        #expect(throws: PackedMinutes.Damaged.self) { try PackedMinutes.read([], minute: minute) { _, _, _ in } }
    }
}

extension MinuteSums {
    fileprivate mutating func add(_ other: MinuteSums) {
        for (name, count) in other.outcomes { add(outcome: name, count) }
        for index in counts.indices { add(count: index, other.counts[index]) }
        for (index, histogram) in other.histograms.enumerated() {
            var place = 0
            for (bucket, count) in histogram { add(index, bucket: bucket, count, at: &place) }
        }
    }

    /// Where something was counted no time and where it was not counted is the same.
    fileprivate var withoutNothing: MinuteSums {
        var sums = self
        sums.dropNothing()
        return sums
    }
}
