import Domain
import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// What a person may ask for by hand: what is there, what belongs to the action, what does something, and what leaves somebody to serve.
@Suite struct MitigationWishTests {
    private static let workers = ["00000000-0000-4000-8000-000000000002", "00000000-0000-4000-8000-000000000004"]

    /// Two providers in one region with a worker each, of a release of their own.
    private func prepare(_ admin: AdminFixture) async throws {
        _ = try await admin.post("tiers", AdminFixture.tier("hobby").replacing("warm_regional", with: "shared"))
        for statement in AdminFixture.tinyModel + [
            "INSERT INTO serving.providers (name, display_name, kind) VALUES ('beta', 'Beta', 'independent')",
            "INSERT INTO serving.pools (name, provider, region) VALUES ('other', 'beta', 'eu')",
            "INSERT INTO serving.releases (name, model) VALUES ('tiny-2', 'tiny')",
            """
            INSERT INTO serving.hosts (id, name, pool, region, boot_id, last_heartbeat_at)
            VALUES ('00000000-0000-4000-8000-000000000001', 'one', 'llama', 'eu', 'b', now()),
                ('00000000-0000-4000-8000-000000000003', 'two', 'other', 'eu', 'b', now())
            """,
            """
            INSERT INTO serving.workers (id, host_id, runtime, release, dialect, runtime_state, slots, context_tokens, accepted)
            VALUES ('00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000001', 'main', 'tiny-1', 'vllm', 'ready', 4, 2048, TRUE),
                ('00000000-0000-4000-8000-000000000004', '00000000-0000-4000-8000-000000000003', 'main', 'tiny-2', 'vllm', 'ready', 4, 2048, TRUE)
            """,
        ] as [SQL] { _ = try await admin.row(statement) }
    }

    private func run(_ admin: AdminFixture, _ fields: String) async throws -> JSONClient.Answer {
        try await admin.post("mitigations", #"{"reason": "by hand", \#(fields)}"#)
    }

    /// Status, and the fields that it is about.
    private func faults(_ admin: AdminFixture, _ fields: String) async throws -> String {
        let answer = try await run(admin, fields)
        return ([answer.status.description] + answer.json["error"]["faults"].elements.compactMap { $0["param"].string }).joined(separator: " ")
    }

    @Test func `what is not there is refused by its field, and nothing is in force`() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            let nobody = "00000000-0000-4000-8000-000000000099"
            for (fields, wanted) in [
                (#""action": "drain_provider", "provider": "aplha""#, "provider"),
                (#""action": "drain_provider", "provider": "alpha", "region": "us""#, "region"),
                (#""action": "drain_worker", "worker": "\#(nobody)""#, "worker"), (#""action": "restart_worker", "worker": "\#(nobody)""#, "worker"),
                (#""action": "warm_pool", "pool": "llma""#, "pool"), (#""action": "protected_pool", "pool": "llama", "tier": "hoby""#, "tier"),
                (#""action": "roll_back_image", "model": "tiny", "release": "tiny-9""#, "release"),
                (#""action": "throttle_tenant", "tenant": "\#(nobody)", "value": 1000"#, "tenant"),
                (#""action": "cap_output", "tier": "hobby", "model": "tny", "region": "ue", "value": 100"#, "region model"),
                (#""action": "backup_region", "model": "tiny", "region": "eu", "to_region": "su""#, "to_region"),
                (#""action": "fallback_model", "tier": "hobby", "model": "tiny", "to_model": "smal""#, "to_model"),
                (#""action": "shed_tier", "tier": "hobby", "incident": "\#(nobody)""#, "incident"),
            ] {
                let told = try await faults(admin, fields)
                #expect(told == "400 \(wanted)", "\(fields): \(told)")
            }
            _ = try await admin.row("INSERT INTO serving.models (name, display_name, context_tokens) VALUES ('small', 'Small', 2048)")
            let other = try await run(admin, #""action": "roll_back_image", "model": "small", "release": "tiny-1""#)
            #expect(other.status == 400 && other.text.contains("does not exist for this model"), "\(other.text)")
            #expect(try await admin.get("mitigations").json["data"].elements.isEmpty)
            #expect(try await run(admin, #""action": "drain_provider", "provider": "alpha", "region": "eu""#).status == 201)
        }
    }

    @Test func `fields that an action does not read are refused, and so are values with which it does nothing`() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            let (worker, tenant) = (Self.workers[0], "00000000-0000-4000-8000-000000000007")
            _ = try await admin.row("INSERT INTO serving.tenants (id, name, display_name, tier) VALUES (\(tenant)::uuid, 'acme', 'Acme', 'hobby')")
            for (fields, wanted) in [
                (#""action": "drain_worker", "worker": "\#(worker)", "region": "eu", "value": 7"#, "400 region value"),
                (#""action": "drain_provider", "provider": "alpha", "model": "tiny""#, "400 model"),
                (#""action": "warm_pool", "pool": "llama", "region": "eu""#, "400 region"),
                (#""action": "shed_tier", "tier": "hobby", "tenant": "\#(tenant)""#, "400 tenant"),
                (#""action": "backup_region", "model": "tiny", "region": "eu", "to_region": "eu""#, "400 to_region"),
                (#""action": "fallback_model", "tier": "hobby", "model": "tiny", "to_model": "tiny""#, "400 to_model"),
                (#""action": "shorten_batch_window", "value": 500"#, "400 value"), (#""action": "shorten_batch_window", "value": 100"#, "400 value"),
                (#""action": "throttle_tenant", "tenant": "\#(tenant)", "value": 1000000"#, "400 value"),
                (#""action": "raise_workers", "model": "tiny", "region": "eu", "value": 101"#, "400 value"),
                (#""action": "cap_output", "tier": "hobby", "value": 0"#, "400 value"),
                (#""action": "shorten_batch_window", "value": 99"#, "201"),
                (#""action": "throttle_tenant", "tenant": "\#(tenant)", "value": 999999"#, "201"),
            ] {
                #expect(try await faults(admin, fields) == wanted, "\(fields)")
            }
        }
    }

    @Test(
        "who is in another region, starts, is of a release without a share or of one that was rolled back is nobody who is left",
        arguments: [
            "UPDATE serving.hosts SET region = 'us' WHERE pool = 'other'",
            "UPDATE serving.workers SET runtime_state = 'starting' WHERE release = 'tiny-2'",
            """
            INSERT INTO serving.routing_weights (scope, subject, weight_ppm, source, reason, actor)
            VALUES ('release', 'tiny-2', 0, 'operator', 'not yet', 'test')
            """,
            """
            INSERT INTO reliability.mitigation (action, model, release, cause, mode, state, requested_by, created_at, expires_at)
            VALUES ('roll_back_image', 'tiny', 'tiny-2', 'bad', 'automatic', 'active', 'policy', now(), now() + interval '1 hour')
            """,
        ] as [SQL])
    func nobodyLeft(out: SQL) async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            _ = try await admin.row(out)
            for fields in [
                #""action": "drain_provider", "provider": "alpha", "region": "eu""#, #""action": "drain_worker", "worker": "\#(Self.workers[0])""#,
            ] {
                let refused = try await run(admin, fields)
                #expect(refused.status == 409 && refused.json["error"]["code"].string == "last_left", "\(refused.text)")
                #expect(refused.text.contains("nothing else would be left to serve tiny in eu"), "\(refused.text)")
            }
        }
    }

    @Test func `a release is not rolled back while those who would take its requests are away`() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            let back = #""action": "roll_back_image", "model": "tiny", "release": "tiny-2""#
            _ = try await admin.row("UPDATE serving.workers SET runtime_state = 'starting' WHERE release = 'tiny-1'")
            let refused = try await run(admin, back)
            #expect(refused.status == 409 && refused.json["error"]["code"].string == "last_left", "\(refused.text)")
            #expect(refused.text.contains("nothing else would be left to serve tiny in eu"), "\(refused.text)")
            _ = try await admin.row("UPDATE serving.workers SET runtime_state = 'ready' WHERE release = 'tiny-1'")
            #expect(try await run(admin, back).status == 201)
        }
    }

    @Test func `a release is not rolled back to nobody`() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            let back = #""action": "roll_back_image", "model": "tiny", "release": "tiny-1""#
            func weigh(_ ppm: Int) async throws {
                _ = try await admin.row(
                    """
                    INSERT INTO serving.routing_weights (scope, subject, weight_ppm, source, reason, actor)
                    VALUES ('release', 'tiny-2', \(ppm), 'operator', 'testing', 'test')
                    """)
            }
            try await weigh(0)
            // Its image was replaced since: as what it is now it has served nobody.
            _ = try await admin.row("UPDATE serving.releases SET image_digest = 'sha256:' || repeat('1', 64) WHERE name = 'tiny-2'")
            let refused = try await run(admin, back)
            #expect(refused.status == 400 && refused.text.contains("no other release of this model has a share"), "\(refused.text)")
            try await weigh(1_000)
            #expect(try await run(admin, back).status == 201)
        }
    }

    @Test func `only a pool that stands by is called in`() async throws {
        try await AdminFixture.run { admin in
            try await prepare(admin)
            func weigh(_ scope: String, _ subject: String, _ ppm: Int) async throws {
                _ = try await admin.row(
                    """
                    INSERT INTO serving.routing_weights (scope, subject, weight_ppm, source, reason, actor)
                    VALUES (\(scope), \(subject), \(ppm), 'operator', 'testing', 'test')
                    """)
            }
            let calls = ["warm_pool", "reserved_capacity"].map { #""action": "\#($0)", "pool": "llama""# }
            for call in calls {
                let refused = try await run(admin, call)
                #expect(refused.status == 400 && refused.text.contains("does not stand by"), "\(refused.text)")
            }
            try await weigh("pool", "llama", 500_000)
            #expect(try await faults(admin, calls[0]) == "400 pool")
            try await weigh("pool", "llama", 0)
            try await weigh("provider", "alpha", 0)
            #expect(try await faults(admin, calls[0]) == "400 pool", "its provider was taken out")
            try await weigh("provider", "alpha", 1_000_000)
            for call in calls { #expect(try await faults(admin, call) == "201") }
        }
    }

    @Test func `a worker stands by while its pool alone keeps requests away, and serves when it is ready and has a share`() async throws {
        try await PeerWorld.with { world in
            let host = try await world.enrol()
            try await world.report(host, epoch: 1, sequence: 1, releases: ["tiny-1"])
            func change(_ statement: SQL) async throws { try await world.pool.execute(statement) }
            func found() async throws -> [Bool] {
                let picture = try await FleetReader(listeningSince: .distantPast, now: Date()).read { try await world.pool.pipeline($0) }
                let worker = try #require(picture.view.workers.first)
                #expect((worker.lostShareAt == nil) == worker.hasShare)
                return [worker.isServing, worker.isStandby, worker.awaitsShare, worker.hasShare]
            }
            func weigh(_ scope: String, _ subject: String, _ ppm: Int) async throws {
                try await change(
                    """
                    INSERT INTO serving.routing_weights (scope, subject, weight_ppm, source, reason, actor)
                    VALUES (\(scope), \(subject), \(ppm), 'operator', 'testing', 'test')
                    """)
            }
            try await change("UPDATE serving.hosts SET last_heartbeat_at = now()")
            try await change("UPDATE serving.workers SET runtime_state = 'ready', accepted = TRUE")
            #expect(try await found() == [true, false, false, true])
            try await change("UPDATE serving.workers SET runtime_state = 'starting'")
            #expect(try await found() == [false, false, false, true])
            try await change("UPDATE serving.workers SET runtime_state = 'ready'")
            try await weigh("release", "tiny-1", 0)
            #expect(try await found() == [false, false, true, false])
            try await weigh("pool", "llama", 0)
            #expect(try await found() == [false, false, false, false])
            try await weigh("release", "tiny-1", 1_000_000)
            #expect(try await found() == [false, true, false, true])
            try await change("UPDATE serving.workers SET weight_ppm = 0")
            #expect(try await found() == [false, false, false, true], "an operator took it out")
        }
    }
}
