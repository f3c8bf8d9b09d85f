import FoundationEssentials
import PlimsollWire
import Postgres
import Testing

@testable import ControlPlane

@Suite struct ProbeIntakeTests {
    private static let now: Int64 = 1_800_000_000_000_000
    private static let moment = Date(timeIntervalSince1970: 1_800_000_000)

    private func probe(
        _ worker: UUID, at: Int64 = now, fault: String? = nil, standIn: Bool? = nil, drill: Bool? = nil, region: String = "eu"
    ) -> ProbeResult {
        ProbeResult(
            id: UUID().uuidString, worker: worker.uuidString.lowercased(), provider: "alpha", model: "tiny", region: region, at: at,
            succeeded: fault == nil, fault: fault, status: fault == nil ? 200 : 503, firstTokenAfter: 5, lastTokenAfter: 9, promptTokens: 3,
            completionTokens: 2, linkRoundTrip: 700, standIn: standIn, drill: drill)
    }

    private func partition(_ world: PeerWorld) async throws {
        for parent in ["reliability.probe", "reliability.probe_minute"] {
            try await world.pool.execute("SELECT upkeep.ensure_month(\(parent)::regclass, date '2027-01-01')")
        }
    }

    @Test func `a probe counts once however often it is told, and what cannot be one is set aside`() async throws {
        try await PeerWorld.with { world in
            try await partition(world)
            let intake = ProbeIntake(reliability: world.pool, serving: world.pool)
            let worker = UUID()
            var broken = probe(worker)
            broken.fault = "weather"
            let old = probe(worker, at: Self.now - 90_000_000_000)
            let batch = ProbeBatch(probes: [probe(worker), probe(worker, fault: "runtime"), broken, old])
            let first = try await intake.store(batch, from: UUID(), at: Self.moment)
            #expect((first.stored, first.duplicates, first.quarantined) == (2, 0, 2))
            let again = try await intake.store(batch, from: UUID(), at: Self.moment)
            #expect((again.stored, again.duplicates) == (0, 2))
            let day = try await world.pool.queryOne("SELECT * FROM reliability.probe_day")
            #expect(try day?.value("successes", as: Int.self) == 1 && day?.value("failures", as: Int.self) == 1)
            #expect(try day?.value("link_rtt_us", as: Int.self) == 1_400 && day?.value("completion_tokens", as: Int.self) == 4)
        }
    }

    @Test func `what probes cost is summed by day and who asked, whoever was at fault, once`() async throws {
        try await PeerWorld.with { world in
            try await partition(world)
            let intake = ProbeIntake(reliability: world.pool, serving: world.pool)
            let batch = ProbeBatch(probes: [probe(UUID()), probe(UUID(), fault: "runtime"), probe(UUID(), drill: true)])
            for _ in 0..<2 { _ = try await intake.store(batch, from: UUID(), at: Self.moment) }
            var outside = ProbeRecord(model: "tiny", region: "eu", at: Self.now)
            (outside.promptTokens, outside.completionTokens, outside.lastTokenAfter) = (12, 256, 3_000_000)
            outside.fault = "customer"
            for _ in 0..<2 { _ = try await ProbeStore(world.pool).store([outside]) }
            let rows = try await world.pool.query(
                """
                SELECT concat_ws(' ', day, kind, provider, model, region, probes, prompt_tokens, completion_tokens, held_us) AS cost
                FROM reliability.probe_cost ORDER BY kind
                """)
            #expect(
                try rows.map { try $0.value("cost", as: String.self) } == [
                    "2027-01-15 outside  tiny eu 1 12 256 3000000", "2027-01-15 worker alpha tiny eu 3 9 6 27",
                ])
        }
    }

    @Test func `one success makes a minute good, only failures make it bad, and drills and own mistakes say nothing`() async throws {
        try await PeerWorld.with { world in
            try await partition(world)
            let intake = ProbeIntake(reliability: world.pool, serving: world.pool)
            let worker = UUID()
            let probes = [
                probe(worker), probe(worker, fault: "link"), probe(worker, fault: "timeout", region: "us"),
                probe(worker, drill: true, region: "ap"), probe(worker, fault: "customer", region: "sa"),
            ]
            _ = try await intake.store(ProbeBatch(probes: probes), from: UUID(), at: Self.moment)
            let rows = try await world.pool.query("SELECT region || ' ' || verdict AS said FROM reliability.probe_verdict ORDER BY region")
            #expect(try rows.map { try $0.value("said", as: String.self) } == ["eu good", "us bad"])
        }
    }

    @Test func `a worker whose home is silent for 90 seconds is given to one other gateway until the home is back`() async throws {
        try await PeerWorld.with { world in
            try await partition(world)
            let host = try await world.host(region: "eu")
            let worker = try await world.worker(on: host)
            let (home, other, third) = (UUID(), UUID(), UUID())
            for gateway in [home, other, third] {
                try await world.pool.execute(
                    "INSERT INTO serving.gateways (id, name, region, boot_id) VALUES (\(gateway), 'g', 'eu', 'b')")
            }
            let intake = ProbeIntake(reliability: world.pool, serving: world.pool)
            let nothing = ProbeBatch(probes: [])
            #expect(try await intake.store(nothing, from: other).standIn.isEmpty)
            try await world.pool.execute("UPDATE reliability.probe_state SET home_at = now() - interval '91 seconds'")
            #expect(try await intake.store(nothing, from: other).standIn == [worker.uuidString.lowercased()])
            #expect(try await intake.store(nothing, from: third).standIn.isEmpty)
            #expect(try await intake.store(nothing, from: other).standIn.count == 1)
            try await world.pool.execute("UPDATE reliability.probe_state SET stand_in_at = now() - interval '91 seconds'")
            #expect(try await intake.store(nothing, from: third).standIn.count == 1)
            let now = Int64(Date().timeIntervalSince1970 * 1_000_000)
            #expect(try await intake.store(ProbeBatch(probes: [probe(worker, at: now, standIn: true)]), from: third).standIn.count == 1)
            _ = try await intake.store(ProbeBatch(probes: [probe(worker, at: now)]), from: home)
            #expect(try await intake.store(nothing, from: third).standIn.isEmpty)
        }
    }

    @Test func `two failures in a row that are no fault of a link or gateway are told to every gateway of the region`() async throws {
        try await PeerWorld.with { world in
            let host = try await world.host(region: "eu")
            let worker = try await world.worker(on: host)
            let gateway = UUID()
            try await world.pool.execute("INSERT INTO serving.gateways (id, name, region, boot_id) VALUES (\(gateway), 'g', 'eu', 'b')")
            let intake = ProbeIntake(reliability: world.pool, serving: world.pool)
            let now = Int64(Date().timeIntervalSince1970 * 1_000_000)
            let first = [probe(worker, at: now - 3_000_000, fault: "runtime"), probe(worker, at: now - 2_000_000, fault: "link")]
            #expect(try await intake.store(ProbeBatch(probes: first), from: gateway).failing.isEmpty)
            let second = ProbeBatch(probes: [probe(worker, at: now - 1_000_000, fault: "answer")])
            #expect(try await intake.store(second, from: gateway).failing == [worker.uuidString.lowercased(): now - 1_000_000])
            #expect(try await intake.store(ProbeBatch(probes: [probe(worker, at: now)]), from: gateway).failing.isEmpty)
        }
    }

    @Test func `what a gateway that was cut off tells late neither condemns a worker that was asked since nor absolves it`() async throws {
        try await PeerWorld.with { world in
            let host = try await world.host(region: "eu")
            let worker = try await world.worker(on: host)
            let (home, other) = (UUID(), UUID())
            for gateway in [home, other] {
                try await world.pool.execute("INSERT INTO serving.gateways (id, name, region, boot_id) VALUES (\(gateway), 'g', 'eu', 'b')")
            }
            let intake = ProbeIntake(reliability: world.pool, serving: world.pool)
            let now = Int64(Date().timeIntervalSince1970 * 1_000_000)
            func tell(_ gateway: UUID, _ found: [(secondsAgo: Int64, fault: String?)]) async throws -> [String] {
                let isStandIn = gateway == other
                let probes = found.map { probe(worker, at: now - $0.secondsAgo * 1_000_000, fault: $0.fault, standIn: isStandIn ? true : nil) }
                return try await intake.store(ProbeBatch(probes: probes), from: gateway).failing.keys.sorted()
            }
            #expect(try await tell(other, [(50, nil)]).isEmpty)
            #expect(try await tell(home, [(240, "host"), (200, "host"), (160, "host")]).isEmpty, "it is well since")
            #expect(try await tell(other, [(40, "runtime"), (35, "runtime")]).count == 1)
            #expect(try await tell(home, [(120, nil), (80, nil)]).count == 1, "it failed since")
            #expect(try await tell(home, [(60, "runtime"), (20, nil)]).isEmpty)
        }
    }
}

extension PeerWorld {
    /// A host that serves, in the pool of its region.
    func host(region: String) async throws -> UUID {
        let id = UUID()
        try await pool.execute(
            "INSERT INTO serving.hosts (id, name, pool, region, boot_id, last_heartbeat_at) VALUES (\(id), 'h', 'llama', \(region), 'b', now())")
        return id
    }

    /// An accepted one of the release `tiny-1`.
    func worker(on host: UUID) async throws -> UUID {
        let id = UUID()
        try await pool.execute(
            """
            INSERT INTO serving.workers (id, host_id, runtime, release, dialect, runtime_state, slots, context_tokens, accepted)
            VALUES (\(id), \(host), 'main', 'tiny-1', 'vllm', 'ready', 4, 2048, true)
            """)
        return id
    }
}
