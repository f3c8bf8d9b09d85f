import Cryptography
import Domain
import FoundationEssentials
import Logging
import Outbound
import Postgres
import Telemetry
import TestSupport
import Testing

@testable import ControlPlane

@Suite struct OutsideProbeTests {
    private static let events =
        Answers.event(#"{"model":"tiny","choices":[{"index":0,"delta":{"content":"one"}}]}"#)
        + Answers.event(#"{"model":"tiny","choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#)
        + Answers.event(#"{"model":"tiny","choices":[],"usage":{"prompt_tokens":12,"completion_tokens":256}}"#)
        + Answers.chunk("data: [DONE]\n\n") + Answers.streamEnd
    private static let stream = Answers.streamHead + events

    private func probes(_ world: PeerWorld, _ settings: OutsideProbes.Settings? = nil, metrics: MetricRegistry = MetricRegistry()) -> OutsideProbes {
        let client = OutboundClient()
        return OutsideProbes(
            serving: world.pool, reliability: world.pool, holder: UUID(), settings: settings, metrics: metrics, logger: Logger(label: "test"),
            ask: { request async throws(OutboundError) in try await client.send(request) })
    }

    /// Asks an endpoint that answers so.
    private func probe(_ world: PeerWorld, _ answer: String?, metrics: MetricRegistry = MetricRegistry()) async throws -> ProbeRecord {
        try await probe(world, steps: answer.map { [.send($0)] } ?? [], metrics: metrics)
    }

    private func probe(
        _ world: PeerWorld, steps: @autoclosure @escaping @Sendable () -> [ScriptedRuntime.Step], metrics: MetricRegistry = MetricRegistry()
    ) async throws -> ProbeRecord {
        let runtime = try await ScriptedRuntime { _, request in
            guard request.contains("authorization: Bearer sk-probe") || request.contains("Authorization: Bearer sk-probe") else {
                return [.send(Answers.json("{}", status: "401 Unauthorized")), .close]
            }
            return steps() + [.close]
        }
        let file = FileManager.default.temporaryDirectory.path + "/probe-key-\(UUID().uuidString)"
        try Data("sk-probe\n".utf8).write(to: URL(filePath: file))
        defer { try? FileManager.default.removeItem(atPath: file) }
        let url = "http://127.0.0.1:\(runtime.port)/"
        let settings = OutsideProbes.Settings(endpoints: ["eu": url], keyFile: file)
        let record = try await probes(world, settings, metrics: metrics).result(of: OutsideProbe(model: "tiny", region: "eu", url: url), settings)
        try await runtime.close()
        return record
    }

    private func worker(_ world: PeerWorld, fault: String?) async throws {
        try await world.pool.execute(
            """
            INSERT INTO reliability.probe (id, at, kind, worker_id, provider, model, region, succeeded, fault, status)
            VALUES (gen_random_uuid(), now(), 'worker', gen_random_uuid(), 'alpha', 'tiny', 'eu', \(fault == nil), \(fault), 200)
            """)
    }

    /// Probes that are an hour apart: only the haste after a failure brings a second one.
    @Test func `after a failure the next probe comes within seconds`() async throws {
        try await PeerWorld.with { world in
            let file = FileManager.default.temporaryDirectory.path + "/probe-key-\(UUID().uuidString)"
            try Data("sk-probe\n".utf8).write(to: URL(filePath: file))
            defer { try? FileManager.default.removeItem(atPath: file) }
            let probes = OutsideProbes(
                serving: world.pool, reliability: world.pool, holder: UUID(),
                settings: OutsideProbes.Settings(endpoints: ["eu": "http://127.0.0.1:1"], keyFile: file), metrics: MetricRegistry(),
                logger: Logger(label: "test"), interval: 1_000_000...3_600_000_000
            ) { _ throws(OutboundError) in throw OutboundError(code: .connectFailed, message: "nobody listens") }
            // Waited for below.
            let running = Task { try await probes.run() }
            try await Waiting.until("two probes", within: .seconds(60)) {
                try await world.count("SELECT 1 FROM reliability.probe WHERE kind = 'outside' AND fault = 'gateway'") >= 2
            }
            running.cancel()
            try await running.value
        }
    }

    @Test func `a good answer keeps its phases and what it cost, and is stored once`() async throws {
        try await PeerWorld.with { world in
            let record = try await probe(world, Self.stream)
            #expect(record.fault == nil && record.status == 200 && record.promptTokens == 12 && record.completionTokens == 256)
            let (connect, first, last) = (record.connect ?? 0, record.firstTokenAfter ?? 0, record.lastTokenAfter ?? 0)
            #expect(connect > 0 && first >= connect && last >= first && record.tls == 0)
            #expect(try await ProbeStore(world.pool).store([record]) == 1)
            #expect(try await ProbeStore(world.pool).store([record]) == 0)
            #expect(try await world.count("SELECT 1 FROM reliability.probe WHERE kind = 'outside' AND worker_id IS NULL AND connect_us > 0") == 1)
            #expect(try await world.count("SELECT 1 FROM reliability.probe_verdict WHERE verdict = 'good'") == 1)
        }
    }

    @Test func `the first token is the first content, not the event before it that only says who speaks`() async throws {
        try await PeerWorld.with { world in
            let role = Answers.event(#"{"model":"tiny","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#)
            let record = try await probe(world, steps: [.send(Answers.streamHead + role), .wait(milliseconds: 300), .send(Self.events)])
            #expect(record.fault == nil && record.status == 200)
            let (first, last) = (record.firstTokenAfter ?? 0, record.lastTokenAfter ?? 0)
            #expect(first >= 300_000 && last >= first)
        }
    }

    @Test func `an answer without content has no first token`() async throws {
        try await PeerWorld.with { world in
            let empty =
                Answers.streamHead + Answers.event(#"{"model":"tiny","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#)
                + Answers.chunk("data: [DONE]\n\n") + Answers.streamEnd
            for answer in [empty, Answers.json("{}", status: "503 Service Unavailable")] {
                let record = try await probe(world, answer)
                #expect(record.fault != nil && record.firstTokenAfter == nil && (record.lastTokenAfter ?? 0) > 0)
            }
        }
    }

    @Test func `where workers answer their gateways, a bad answer outside is the gateway's fault, else the workers' own`() async throws {
        try await PeerWorld.with { world in
            let broken = Answers.json("{}", status: "503 Service Unavailable")
            #expect(try await probe(world, broken).fault == "gateway")
            for _ in 0..<3 { try await worker(world, fault: "host") }
            try await worker(world, fault: "runtime")
            #expect(try await probe(world, broken).fault == "host")
            try await worker(world, fault: nil)
            #expect(try await probe(world, broken).fault == "gateway")
        }
    }

    @Test func `a probe of what a drill touches is marked, until the drill is over`() async throws {
        try await PeerWorld.with { world in
            try await world.pool.execute(
                """
                INSERT INTO reliability.drill (kind, provider, region, models, reason, requested_by, started_at, until_at)
                VALUES ('provider-loss', 'alpha', 'eu', ARRAY['tiny'], 'rehearsal', 'test', now() - interval '10 seconds', now() + interval '1 minute')
                """)
            func isDrilled(_ model: String, _ region: String, secondsAgo: Double = 0) async throws -> Bool {
                let start = Int64((Date().timeIntervalSince1970 - secondsAgo) * 1_000_000)
                return try await probes(world).isDrilled(OutsideProbe(model: model, region: region, url: ""), since: start)
            }
            #expect(try await isDrilled("tiny", "eu"))
            #expect(try await !isDrilled("tiny", "us"))
            #expect(try await !isDrilled("other", "eu"))
            try await world.pool.execute("UPDATE reliability.drill SET ended_at = now() - interval '5 seconds', end_reason = 'aborted'")
            #expect(try await !isDrilled("tiny", "eu"))
            #expect(try await isDrilled("tiny", "eu", secondsAgo: 8), "it was asked while the drill lasted")
        }
    }

    /// Statuses and codes with which a gateway says that it does not know a key or a model.
    private static let unknown = [
        ("401 Unauthorized", "invalid_api_key"), ("403 Forbidden", "address_not_allowed"), ("404 Not Found", "model_not_found"),
        ("429 Too Many Requests", "too_many_failed_keys"),
    ]

    @Test func `a gateway that does not know what our tables know is at fault, and the minute is bad`() async throws {
        try await PeerWorld.with { world in
            try await key(world)
            for (status, code) in Self.unknown {
                let record = try await probe(world, Answers.json("{\"error\":{\"code\":\"\(code)\"}}", status: status))
                #expect(record.fault == "gateway", "\(status)")
                _ = try await ProbeStore(world.pool).store([record])
            }
            #expect(try await world.count("SELECT 1 FROM reliability.probe_verdict WHERE verdict = 'bad'") > 0)
            let (triggers, _) = try await SignalTables(serving: world.pool, reliability: world.pool, now: Date()).triggers()
            #expect(triggers.map(\.key.signal) == [.probesFailing])
            let limited = Answers.json(#"{"error":{"code":"rate_limit_exceeded"}}"#, status: "429 Too Many Requests")
            #expect(try await probe(world, limited).fault == "customer", "its own limit")
        }
    }

    @Test(
        arguments: [
            "DELETE FROM serving.api_keys", "UPDATE serving.api_keys SET revoked_at = now()",
            "UPDATE serving.api_keys SET expires_at = now() - interval '1 hour'", "UPDATE serving.api_keys SET models = ARRAY['other']",
            "UPDATE serving.api_keys SET allowed_addresses = ARRAY['10.0.0.0/8']", "UPDATE serving.tenants SET state = 'suspended'",
            "UPDATE serving.models SET state = 'hidden'", "UPDATE serving.models SET tiers = ARRAY['other']",
            "UPDATE serving.api_keys SET updated_at = now()",
        ] as [SQL]) func `a key or model that is not there by our tables either, or only since now, is the probe's own mistake`(change: SQL)
        async throws
    {
        try await PeerWorld.with { world in
            try await key(world)
            try await world.pool.execute(change)
            #expect(try await probe(world, Answers.json("{}", status: "404 Not Found")).fault == "customer")
        }
    }

    /// The probes' own, which has been there for long.
    private func key(_ world: PeerWorld) async throws {
        try await world.pool.execute(
            """
            WITH tenant AS (INSERT INTO serving.tenants (name, display_name, tier, updated_at)
                VALUES ('probes', 'Probes', 'pro', now() - interval '1 hour') RETURNING id)
            INSERT INTO serving.api_keys (tenant_id, name, prefix, sha256, purpose, updated_at)
            SELECT id, 'probes', 'sk', \(Hash.sha256("sk-probe").bytes), 'probe', now() - interval '1 hour' FROM tenant
            """)
        try await world.pool.execute("UPDATE serving.models SET updated_at = now() - interval '1 hour'")
    }

    @Test func `a stream without an end is a bad answer, no connection is the gateway's fault, and a refused key says nothing of the service`()
        async throws
    {
        try await PeerWorld.with { world in
            let cut = Answers.streamHead + Answers.event(#"{"choices":[{"index":0,"delta":{"content":"one"}}]}"#) + Answers.streamEnd
            #expect(try await probe(world, cut).fault == "answer")
            let refused = try await probe(world, Answers.json("{}", status: "403 Forbidden"))
            #expect(refused.fault == "customer")
            _ = try await ProbeStore(world.pool).store([refused])
            #expect(try await world.count("SELECT 1 FROM reliability.probe_verdict") == 0)
            let full = Answers.json(#"{"error":{"code":"over_capacity"}}"#, status: "429 Too Many Requests")
            #expect(try await probe(world, full).fault == "gateway")
            let nowhere = OutsideProbe(model: "tiny", region: "eu", url: "http://127.0.0.1:1")
            #expect(nowhere.judge(OutboundError(code: .connectFailed, message: "")).trouble == .way)
        }
    }
}
