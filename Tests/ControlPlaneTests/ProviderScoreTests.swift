import Domain
import FoundationEssentials
import Logging
import PlimsollWire
import Postgres
import Telemetry
import Testing

@testable import ControlPlane

@Suite struct ProviderScoreTests {
    private func scores(_ world: PeerWorld, _ metrics: MetricRegistry = MetricRegistry()) -> ProviderScores {
        ProviderScores(serving: world.pool, reliability: world.pool, holder: UUID(), metrics: metrics, logger: Logger(label: "test"))
    }

    private func probes(_ world: PeerWorld, good: Int, bad: Int = 0, daysAgo: Int = 0, roundTrip: Int = 20_000) async throws {
        try await world.pool.execute(
            """
            INSERT INTO reliability.probe_day VALUES ('alpha', 'eu', (now() AT TIME ZONE 'UTC')::date - \(daysAgo)::integer, \(good), \(bad),
                \(roundTrip * (good + bad)), \(good + bad), 0, 0)
            ON CONFLICT (provider, region, day) DO UPDATE SET successes = EXCLUDED.successes, failures = EXCLUDED.failures
            """)
    }

    /// The last probes, newest last.
    private func last(_ world: PeerWorld, _ results: [Bool], minutesAgo: Int = 1) async throws {
        for (index, succeeded) in results.enumerated() {
            try await world.pool.execute(
                """
                INSERT INTO reliability.probe (id, at, kind, worker_id, provider, model, region, succeeded, fault, status)
                VALUES (gen_random_uuid(), now() - make_interval(mins => \(minutesAgo)) + make_interval(secs => \(index)), 'worker',
                    gen_random_uuid(), 'alpha', 'tiny', 'eu', \(succeeded), \(succeeded ? nil : "runtime"), 200)
                """)
        }
    }

    private func alpha(_ world: PeerWorld) async throws -> (points: Double?, admitted: Bool) {
        let row = try await world.pool.queryOne("SELECT points, admitted FROM reliability.provider_score WHERE provider = 'alpha'")
        return (try row?.value("points", as: Double?.self) ?? nil, try row?.value("admitted") ?? false)
    }

    @Test func `a provider that nobody has probed has no score and is not admitted`() async throws {
        try await PeerWorld.with { world in
            try await scores(world).turn(at: Date(), listeningSince: .distantPast)
            let found = try await alpha(world)
            #expect(found.points == nil && !found.admitted)
        }
    }

    @Test func `probes, round trips, losses and prices make the score as the rule says`() async throws {
        try await PeerWorld.with { world in
            try await probes(world, good: 1_000)
            try await probes(world, good: 990, bad: 10, daysAgo: 7)
            try await last(world, Array(repeating: true, count: 30))
            try await world.pool.execute("UPDATE serving.pools SET hour_price_micro_usd = 2000000")
            try await world.pool.execute("UPDATE reliability.pool_price SET at = now() - interval '8 days'")
            for (drained, host) in [(true, UUID()), (true, UUID()), (true, UUID()), (false, UUID())] {
                try await world.pool.execute("INSERT INTO reliability.host_loss VALUES (\(host), 'alpha', now(), \(drained))")
            }
            try await scores(world).turn(at: Date(), listeningSince: .distantPast)
            let success = ProviderScore.success(
                [ProviderScore.Day(successes: 1_000, probes: 1_000)] + Array(repeating: ProviderScore.Day(successes: 0, probes: 0), count: 6)
                    + [ProviderScore.Day(successes: 990, probes: 1_000)])
            let expected = 45 * ProviderScore.availability(success: success) + 20 + 20 * 0.75 + 15
            let found = try await alpha(world)
            #expect(abs((found.points ?? 0) - expected) < 0.001 && found.admitted)
            #expect(try await world.count("SELECT 1 FROM reliability.provider_score_day WHERE provider = 'alpha' AND admitted") == 1)
        }
    }

    @Test func `admission has hysteresis, and ends after a day without a probe`() async throws {
        try await PeerWorld.with { world in
            let scores = scores(world)
            try await world.pool.execute("UPDATE serving.pools SET hour_price_micro_usd = 2000000")
            try await world.pool.execute("UPDATE reliability.pool_price SET at = now() - interval '8 days'")
            // 75 points and more, but the last thirty probes are not clean.
            try await probes(world, good: 5_000)
            try await last(world, Array(repeating: true, count: 20) + [false] + Array(repeating: true, count: 29))
            try await scores.turn(at: Date(), listeningSince: .distantPast)
            #expect(try await alpha(world).admitted == false)
            try await last(world, [true], minutesAgo: 0)
            try await scores.turn(at: Date(), listeningSince: .distantPast)
            #expect(try await alpha(world).admitted)
            // Between the bounds: who is in stays in.
            try await probes(world, good: 5_000, bad: 38)
            try await scores.turn(at: Date(), listeningSince: .distantPast)
            let between = try await alpha(world)
            #expect((70..<75).contains(between.points ?? 0) && between.admitted)
            try await probes(world, good: 5_000, bad: 100)
            try await scores.turn(at: Date(), listeningSince: .distantPast)
            #expect(try await alpha(world).admitted == false)
            // Between the bounds: who is out stays out.
            try await probes(world, good: 5_000, bad: 38)
            try await scores.turn(at: Date(), listeningSince: .distantPast)
            #expect(try await alpha(world).admitted == false)
            try await probes(world, good: 5_000)
            try await scores.turn(at: Date(), listeningSince: .distantPast)
            #expect(try await alpha(world).admitted)
            try await scores.turn(at: Date(timeIntervalSinceNow: 86_500), listeningSince: nil)
            let stale = try await alpha(world)
            #expect(stale.points == nil && !stale.admitted)
        }
    }

    private func open(_ world: PeerWorld, _ signal: IncidentSignal) async throws {
        try await world.pool.execute(
            """
            INSERT INTO reliability.incident (key, rule, severity, provider, title, began_at, opened_at, last_signal_at)
            VALUES (\(signal.rawValue), \(signal.rawValue), \(signal.severity.rawValue), 'alpha', 'Provider alpha', now(), now(), now())
            """)
    }

    @Test func `who comes back after nobody was heard, later than another one, is not lost`() async throws {
        try await PeerWorld.with { world in
            let (late, early) = (try await world.host(region: "eu"), try await world.host(region: "eu"))
            try await world.pool.execute("UPDATE serving.hosts SET last_heartbeat_at = now() - interval '10 minutes' WHERE id = \(late)")
            let (scores, start) = (self.scores(world), Date())
            var hearing = Hearing()
            func losses(_ second: Double, isAnybodyHeard: Bool) async throws -> Int {
                let now = start + second
                try await scores.turn(at: now, listeningSince: hearing.since(now, isAnybodyHeard: isAnybodyHeard))
                return try await world.count("SELECT 1 FROM reliability.host_loss")
            }
            for second in [-60.0, 0] { #expect(try await losses(second, isAnybodyHeard: false) == 0) }
            for second in stride(from: 60.0, through: 300, by: 60) { #expect(try await losses(second, isAnybodyHeard: true) == 0) }
            #expect(try await losses(900, isAnybodyHeard: true) == 0, "ten minutes were slept through")
            for second in stride(from: 960.0, through: 1_140, by: 60) { #expect(try await losses(second, isAnybodyHeard: true) == 0) }
            #expect(try await losses(1_200, isAnybodyHeard: true) == 1)
            #expect(try await world.count("SELECT 1 FROM reliability.host_loss WHERE host_id = \(early)") == 0)
        }
    }

    @Test func `an incident halves the score, and a host that fell silent while others speak is a loss`() async throws {
        try await PeerWorld.with { world in
            try await probes(world, good: 5_000)
            try await last(world, Array(repeating: true, count: 30))
            let (gone, alive) = (try await world.host(region: "eu"), try await world.host(region: "eu"))
            try await world.pool.execute("UPDATE serving.hosts SET last_heartbeat_at = now() - interval '10 minutes' WHERE id = \(gone)")
            let metrics = MetricRegistry()
            try await scores(world, metrics).turn(at: Date(), listeningSince: .distantPast)
            let before = try await alpha(world).points ?? 0
            #expect(try await world.count("SELECT 1 FROM reliability.host_loss WHERE NOT drained AND host_id = \(gone)") == 1)
            try await world.pool.execute("UPDATE serving.hosts SET last_heartbeat_at = now() - interval '10 minutes' WHERE id = \(alive)")
            try await open(world, .workerHealth)
            try await scores(world).turn(at: Date(), listeningSince: .distantPast)
            // Nobody speaks any more: it may be us.
            #expect(try await world.count("SELECT 1 FROM reliability.host_loss") == 1)
            #expect(try await abs((alpha(world).points ?? 0) - before) < 0.1, "one worker is not the provider")
            try await open(world, .providerHealth)
            try await scores(world).turn(at: Date(), listeningSince: .distantPast)
            let after = try await alpha(world).points ?? 0
            #expect(abs(after - before / 2) < 0.1)
        }
    }

    @Test func `who may serve a promise no more is put up for review, once; who never might is not`() async throws {
        try await PeerWorld.with { world in
            let proposals: SQL = "SELECT action || ' ' || provider || ' ' || state || ': ' || cause AS line FROM reliability.mitigation"
            func proposed() async throws -> [String] { try await world.pool.query(proposals).map { try $0.value("line") } }
            try await world.pool.execute("UPDATE serving.pools SET hour_price_micro_usd = 1")
            try await scores(world).turn(at: Date(), listeningSince: .distantPast)
            #expect(try await proposed().isEmpty)
            try await probes(world, good: 5_000)
            try await last(world, Array(repeating: true, count: 30))
            try await scores(world).turn(at: Date(), listeningSince: .distantPast)
            #expect(try await alpha(world).admitted)
            try await open(world, .providerHealth)
            for _ in 0..<2 { try await scores(world).turn(at: Date(), listeningSince: .distantPast) }
            let found = try await proposed()
            #expect(found.count == 1 && found[0].hasPrefix("review_provider alpha proposed: its score fell to 4"), "\(found)")
        }
    }

    @Test func `a score that falls is low, and stays low until it is good again, and while nobody probes`() async throws {
        try await PeerWorld.with { world in
            _ = try await world.worker(on: world.host(region: "eu"))
            let scores = scores(world)
            func low(at now: Date = Date()) async throws -> [Bool?] {
                try await scores.turn(at: now, listeningSince: nil)
                let kept = try await world.count("SELECT 1 FROM reliability.provider_score WHERE provider = 'alpha' AND low")
                let told = try await world.pool.transaction { connection in
                    try await TableFacts.read(connection, trustDomain: "test").workers.map(\.entry.lowScore)
                }
                return kept > 0 ? told : told.map { $0 ?? false }
            }
            try await world.pool.execute("UPDATE serving.pools SET hour_price_micro_usd = 2000000")
            try await world.pool.execute("UPDATE reliability.pool_price SET at = now() - interval '8 days'")
            #expect(try await low() == [false], "nobody probed it yet")
            try await probes(world, good: 10)
            try await last(world, Array(repeating: true, count: 30))
            #expect(try await low() == [false], "not measured enough is not low")
            #expect(try await alpha(world).points ?? 100 < 70)
            try await probes(world, good: 5_000)
            #expect(try await low() == [false])
            #expect(try await alpha(world).admitted)
            try await open(world, .providerHealth)
            #expect(try await low() == [false], "an incident that hits all for minutes keeps nobody away for a day")
            #expect(try await alpha(world).admitted == false)
            try await world.pool.execute("UPDATE reliability.incident SET drill = TRUE")
            #expect(try await low() == [false])
            #expect(try await alpha(world).admitted)
            try await probes(world, good: 5_000, bad: 100)
            #expect(try await low() == [true])
            // Between the bounds who is out stays out.
            try await probes(world, good: 5_000, bad: 38)
            #expect(try await low() == [true])
            #expect(try await low(at: Date(timeIntervalSinceNow: 86_500)) == [true], "that nobody probes makes it no better")
            try await probes(world, good: 5_000)
            #expect(try await low() == [false])
            #expect(try await alpha(world).admitted)
        }
    }

    @Test func `a new provider that fails probes has a low score after a day of them, and is put up for review`() async throws {
        try await PeerWorld.with { world in
            try await world.pool.execute("UPDATE serving.pools SET hour_price_micro_usd = 1")
            try await last(world, Array(repeating: false, count: 30))
            try await probes(world, good: 160, bad: 40)
            try await scores(world).turn(at: Date(), listeningSince: nil)
            #expect(try await world.count("SELECT 1 FROM reliability.provider_score WHERE low") == 0, "few say little")
            try await probes(world, good: 1_900, bad: 100)
            for _ in 0..<2 { try await scores(world).turn(at: Date(), listeningSince: nil) }
            #expect(try await world.count("SELECT 1 FROM reliability.provider_score WHERE provider = 'alpha' AND low AND NOT admitted") == 1)
            #expect(try await world.count("SELECT 1 FROM reliability.mitigation WHERE action = 'review_provider' AND provider = 'alpha'") == 1)
        }
    }

    @Test func `the table says which workers may not serve a promise that pays`() async throws {
        try await PeerWorld.with { world in
            _ = try await world.worker(on: world.host(region: "eu"))
            func paid() async throws -> [Bool?] {
                try await world.pool.transaction { connection in
                    try await TableFacts.read(connection, trustDomain: "test").workers.map(\.entry.paid)
                }
            }
            #expect(try await paid() == [false])
            try await probes(world, good: 5_000)
            try await last(world, Array(repeating: true, count: 30))
            try await world.pool.execute("UPDATE serving.pools SET hour_price_micro_usd = 1")
            try await scores(world).turn(at: Date(), listeningSince: .distantPast)
            #expect(try await paid() == [nil])
        }
    }
}
