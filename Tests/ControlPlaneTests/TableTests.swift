import Cryptography
import FoundationEssentials
import PlimsollWire
import Postgres
import Testing

@testable import ControlPlane

@Suite struct TableTests {
    func answer(_ world: PeerWorld, since: Int64?) async throws -> SignedTable? {
        var table = PublishedTable()
        try await table.refresh { try await world.pool.query($0) }
        return table.answer(since: since)
    }

    func isGenuine(_ table: SignedTable, entries: [String: String], _ world: PeerWorld) -> Bool {
        let digest = TableDigest.digest(entries)
        let bytes = Array("plimsoll-table-1\n\(table.version)\n\(table.issuedAtSeconds)\n\(digest.hex)\n".utf8)
        guard digest.hex == table.digestHex, let signature = Base64.decode(table.signatureBase64) else { return false }
        return world.authority.tableKey.verifyingKey.isValid(signature: signature, for: bytes)
    }

    func apply(_ change: SignedTable, to old: [String: String]) -> [String: String] {
        var entries = old.merging(change.entries) { _, new in new }
        for key in change.removed { entries[key] = nil }
        return entries
    }

    @Test func theFirstTableHoldsWhatTheRowsSayAndIsSigned() async throws {
        try await PeerWorld.with { world in
            let gateway = try await world.enrol(.gateway)
            #expect(try await world.publisher().publishNow() == 1)
            let table = try #require(try await answer(world, since: nil))
            #expect(Set(table.entries.keys) == ["tier/pro", "model/tiny", "gateway/\(gateway.credentials.id)"])
            #expect(isGenuine(table, entries: table.entries, world))
            let model = try WireCoder.decode(ModelEntry.self, from: #require(table.entries["model/tiny"]).utf8)
            #expect(model.releaseWeights == ["tiny-1": 1_000_000])
        }
    }

    @Test func `a key's addresses, trust classes, masking and purpose are in the table`() async throws {
        try await PeerWorld.with { world in
            try await world.pool.execute("INSERT INTO serving.tenants (name, display_name, tier) VALUES ('acme', 'Acme', 'pro')")
            try await world.pool.execute(
                """
                INSERT INTO serving.api_keys (tenant_id, name, prefix, sha256, allowed_addresses, allowed_trust_classes, masking, purpose)
                SELECT id, 'k', 'p', sha256('k'), '{192.0.2.0/24}', '{trusted}', 'all', 'probe' FROM serving.tenants
                """)
            #expect(try await world.publisher().publishNow() == 1)
            let table = try #require(try await answer(world, since: nil))
            let text = try #require(table.entries.first { $0.key.hasPrefix("key/") }?.value)
            let key = try WireCoder.decode(KeyEntry.self, from: text.utf8)
            #expect(key.allowedAddresses == ["192.0.2.0/24"] && key.allowedTrustClasses == ["trusted"])
            #expect(key.masking == "all" && key.purpose == .probe)
        }
    }

    @Test func tiersSayHowTheirRequestsWait() async throws {
        try await PeerWorld.with { world in
            try await world.pool.execute(
                "UPDATE serving.tiers SET priority = 20, capacity_policy = 'preallocated', reserved_percent = 15, floor_percent = 7, queue_wait_microseconds = 2000000"
            )
            try await world.pool.execute("UPDATE serving.models SET long_context_tokens = 1000")
            #expect(try await world.publisher().publishNow() == 1)
            let table = try #require(try await answer(world, since: nil))
            let tier = try WireCoder.decode(TierEntry.self, from: #require(table.entries["tier/pro"]).utf8)
            let expected = TierQueue(
                priority: 20, isProtected: true, floorPercent: 7, requests: 512, bytes: 64 << 20, waitMicroseconds: 2_000_000, burstPercent: 0,
                reservedPercent: 15, tenantSharePercent: 100, batchDeadlineSeconds: 900)
            #expect(tier.queue == expected)
            let model = try WireCoder.decode(ModelEntry.self, from: #require(table.entries["model/tiny"]).utf8)
            #expect(model.longContextTokens == 1000)
        }
    }

    @Test func tiersSayHowLongARequestMayWaitForOthers() async throws {
        try await PeerWorld.with { world in
            let publisher = world.publisher()
            func window(_ change: SQL) async throws -> Int? {
                try await world.pool.execute(change)
                _ = try await publisher.publishNow()
                let table = try #require(try await answer(world, since: nil))
                return try WireCoder.decode(TierEntry.self, from: #require(table.entries["tier/pro"]).utf8).microBatchWindowMilliseconds
            }
            let shared = try await window("UPDATE serving.tiers SET capacity_policy = 'shared'")
            #expect(shared == 10)
            #expect(try await window("UPDATE serving.tiers SET capacity_policy = 'warm_regional'") == nil)
            #expect(try await window("UPDATE serving.tiers SET micro_batch_window_ms = 25") == 25)
            #expect(try await window("UPDATE serving.tiers SET capacity_policy = 'shared', micro_batch_window_ms = 0") == nil)
        }
    }

    @Test func nothingNewMakesNoVersion() async throws {
        try await PeerWorld.with { world in
            #expect(try await world.publisher().publishNow() == 1)
            let publisher = world.publisher()
            try await world.pool.execute("UPDATE serving.leases SET expires_at = now() - interval '1 second'")
            #expect(try await publisher.publishNow() == nil)
            #expect(try await answer(world, since: 1) == nil)
        }
    }

    @Test func aChangeAppliedToAnOlderTableIsTheWholeTable() async throws {
        try await PeerWorld.with { world in
            let publisher = world.publisher()
            _ = try await publisher.publishNow()
            let first = try #require(try await answer(world, since: nil))
            _ = try await world.enrol(.gateway)
            _ = try await publisher.publishNow()
            try await world.pool.execute("UPDATE serving.tiers SET tokens_per_minute = 7")
            try await world.pool.execute("UPDATE serving.models SET state = 'hidden'")
            #expect(try await publisher.publishNow() == 3)
            let change = try #require(try await answer(world, since: 1))
            let whole = try #require(try await answer(world, since: nil))
            #expect(change.since == 1 && change.removed == ["model/tiny"] && change.entries.count == 2)
            #expect(apply(change, to: first.entries) == whole.entries)
            #expect(isGenuine(change, entries: whole.entries, world))
        }
    }

    @Test func whoHasNothingGetsTheWholeTableAndWhoIsAheadNothing() async throws {
        try await PeerWorld.with { world in
            _ = try await world.publisher().publishNow()
            #expect(try await answer(world, since: 99) == nil)
            let whole = try #require(try await answer(world, since: 0))
            #expect(whole.since == nil)
        }
    }

    @Test func gatewaysWhoseCertificateHasExpiredCountNoMore() async throws {
        try await PeerWorld.with { world in
            let (dead, alive) = (try await world.enrol(.gateway), try await world.enrol(.gateway))
            let host = try await world.enrol()
            try await world.pool.execute(
                "UPDATE serving.gateways SET certificate_not_after = now() - interval '1 second' WHERE id = \(dead.identity.id)")
            _ = try await world.publisher().publishNow()
            let table = try #require(try await answer(world, since: nil))
            #expect(table.entries.keys.filter { $0.hasPrefix("gateway/") } == ["gateway/\(alive.credentials.id)"])
            #expect(try await world.desired(host)?.gateways.map(\.id) == [alive.credentials.id])
        }
    }

    @Test func gatewaysThatWereSeenLastComeFirst() async throws {
        try await PeerWorld.with { world in
            let host = try await world.enrol()
            var gateways: [Member] = []
            for _ in 0..<9 { gateways.append(try await world.enrol(.gateway)) }
            for gateway in gateways.dropLast() {
                try await world.pool.execute("UPDATE serving.gateways SET last_seen_at = now() WHERE id = \(gateway.identity.id)")
            }
            let told = try #require(try await world.desired(host)).gateways.map(\.id)
            #expect(Set(told) == Set(gateways.dropLast().map(\.credentials.id)))
        }
    }

    @Test func onlyTheHolderOfTheLeasePublishes() async throws {
        try await PeerWorld.with { world in
            _ = try await world.publisher().publishNow()
            try await world.pool.execute("UPDATE serving.tiers SET tokens_per_minute = 7")
            #expect(try await world.publisher().publishNow() == nil)
            try await world.pool.execute("UPDATE serving.leases SET expires_at = now() - interval '1 second'")
            #expect(try await world.publisher().publishNow() == 2)
        }
    }

    @Test func aRevokedHostIsDeniedAndItsWorkersLeave() async throws {
        try await PeerWorld.with { world in
            let host = try await world.enrol()
            try await world.report(host, epoch: 1, sequence: 1, releases: ["tiny-1"])
            let publisher = world.publisher()
            _ = try await publisher.publishNow()
            let before = try #require(try await answer(world, since: nil))
            #expect(before.entries.keys.contains { $0.hasPrefix("worker/") })
            try await world.pool.transaction { connection in
                _ = try await Revocation.revoke(connection, role: .agent, id: host.identity.id, reason: "stolen")
            }
            _ = try await publisher.publishNow()
            let change = try #require(try await answer(world, since: 1))
            #expect(change.removed.contains { $0.hasPrefix("worker/") })
            #expect(change.entries.keys.contains("denied/\(host.identity)"))
        }
    }

    @Test func `a worker of a pool that stands by says what it takes when that is called in, unless something else took it out`() async throws {
        try await PeerWorld.with { world in
            let host = try await world.enrol()
            try await world.report(host, epoch: 1, sequence: 1, releases: ["tiny-1"])
            let publisher = world.publisher()
            func weights() async throws -> [Int?] {
                _ = try await publisher.publishNow()
                let table = try #require(try await answer(world, since: nil))
                let worker = try #require(table.entries.first { $0.key.hasPrefix("worker/") }).value
                let entry = try WireCoder.decode(WorkerEntry.self, from: worker.utf8)
                return [entry.weight, entry.standbyWeight]
            }
            func weigh(_ scope: String, _ subject: String, _ ppm: Int) async throws {
                try await world.pool.execute(
                    """
                    INSERT INTO serving.routing_weights (scope, subject, weight_ppm, source, reason, actor)
                    VALUES (\(scope), \(subject), \(ppm), 'operator', 'testing', 'test')
                    """)
            }
            try await world.pool.execute("UPDATE serving.workers SET weight_ppm = 250000")
            try await weigh("pool", "llama", 0)
            try await weigh("provider", "alpha", 500_000)
            #expect(try await weights() == [0, 125_000])
            try await world.pool.execute("UPDATE serving.workers SET weight_ppm = 0")
            #expect(try await weights() == [0, nil])
            try await world.pool.execute("UPDATE serving.workers SET weight_ppm = 250000")
            try await weigh("provider", "alpha", 0)
            #expect(try await weights() == [0, nil])
            try await weigh("provider", "alpha", 1_000_000)
            try await weigh("pool", "llama", 500_000)
            #expect(try await weights() == [125_000, nil])
        }
    }

    @Test func weightsOfPoolProviderAndReleaseReachTheTable() async throws {
        try await PeerWorld.with { world in
            let host = try await world.enrol()
            try await world.report(host, epoch: 1, sequence: 1, releases: ["tiny-1"])
            for (scope, subject) in [("pool", "llama"), ("provider", "alpha"), ("release", "tiny-1")] {
                try await world.pool.execute(
                    """
                    INSERT INTO serving.routing_weights (scope, subject, weight_ppm, source, reason, actor)
                    VALUES (\(scope), \(subject), 500000, 'operator', 'testing', 'test')
                    """)
            }
            _ = try await world.publisher().publishNow()
            let table = try #require(try await answer(world, since: nil))
            let worker = try #require(table.entries.first { $0.key.hasPrefix("worker/") }).value
            #expect(try WireCoder.decode(WorkerEntry.self, from: worker.utf8).weight == 250_000)
            let model = try WireCoder.decode(ModelEntry.self, from: #require(table.entries["model/tiny"]).utf8)
            #expect(model.releaseWeights == ["tiny-1": 500_000])
        }
    }
}
