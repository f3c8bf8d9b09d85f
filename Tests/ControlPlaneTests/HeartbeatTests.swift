import Cryptography
import FoundationEssentials
import PlimsollWire
import Postgres
import Testing

@testable import ControlPlane

extension PeerWorld {
    static func heartbeat(epoch: Int64, sequence: Int64, releases: [String], slots: Int = 4) -> Heartbeat {
        Heartbeat(
            epoch: epoch, sequence: sequence, bootId: "boot", version: "1", observedGeneration: 1, state: .serving,
            inventory: Inventory(
                hostname: "host-1", operatingSystem: "Debian", kernel: "6", processor: Inventory.Processor(model: "x", cores: 4),
                memoryBytes: 1 << 33, memoryAvailableBytes: 1 << 32, diskFreeBytes: 1 << 33),
            runtimes: releases.enumerated().map { index, release in
                RuntimeReport(
                    runtime: "r\(index)", release: release, dialect: .llamacpp, state: .ready, slots: slots, contextTokens: 2_048, load: RuntimeLoad()
                )
            }, linkedGateways: [], clockMilliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
    }

    /// One heartbeat, taken down and written.
    func report(_ host: Member, epoch: Int64, sequence: Int64, releases: [String], slots: Int = 4) async throws {
        let book = HeartbeatBook()
        _ = try book.receive(Self.heartbeat(epoch: epoch, sequence: sequence, releases: releases, slots: slots), from: host.identity.id)
        try await HeartbeatWriter(pool: pool, book: book, logger: logger).flush()
    }

    func desired(_ host: Member, newerThan known: Int64 = 0) async throws -> DesiredState? {
        try await DesiredStates(pool: pool, trustDomain: authority.trustDomain).state(of: host.identity.id, newerThan: known)
    }
}

@Suite struct HeartbeatTests {
    @Test func oldEpochsAndRepeatedSequencesAreRefused() throws {
        let book = HeartbeatBook()
        let host = UUID()
        _ = try book.receive(PeerWorld.heartbeat(epoch: 5, sequence: 7, releases: []), from: host)
        for (epoch, sequence) in [(5, 7), (5, 6), (4, 99)] as [(Int64, Int64)] {
            #expect(throws: PeerRefusal.self) { try book.receive(PeerWorld.heartbeat(epoch: epoch, sequence: sequence, releases: []), from: host) }
        }
        _ = try book.receive(PeerWorld.heartbeat(epoch: 6, sequence: 1, releases: []), from: host)
    }

    @Test func insaneNumbersAreCut() {
        var beat = PeerWorld.heartbeat(epoch: 1, sequence: 1, releases: Array(repeating: "x", count: 100), slots: .max)
        beat.runtimes[0].load = RuntimeLoad(running: -5, waiting: .max, kvUsedRatio: .nan, promptTokensTotal: -1)
        beat.runtimes[1].load.kvUsedRatio = 17
        beat.inventory?.memoryBytes = -1
        let bounded = beat.bounded
        #expect(bounded.runtimes.count == 64)
        #expect(bounded.runtimes[0].slots == 65_536)
        #expect(bounded.runtimes[0].load == RuntimeLoad(running: 0, waiting: 1_000_000, kvUsedRatio: nil, promptTokensTotal: 0))
        #expect(bounded.runtimes[1].load.kvUsedRatio == 1)
        #expect(bounded.inventory?.memoryBytes == 0)
    }

    @Test func theTailOfALogIsKeptWithoutSecretsUntilAnotherComes() async throws {
        try await PeerWorld.with { world in
            let host = try await world.enrol()
            var beat = PeerWorld.heartbeat(epoch: 1, sequence: 1, releases: ["tiny-1"])
            beat.runtimes[0].logTail = (0..<30).map { "\($0) token=ghp_0123456789abcdefghijABCDEFGHIJ012345 \u{1b}[31m" }
            beat.runtimes[0].logTail?.append("-----BEGIN PRIVATE KEY-----")
            beat.runtimes[0].logTail?.append("MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQC7VJTUt9Us8cKj")
            beat.runtimes[0].restartable = true
            let book = HeartbeatBook()
            for sequence in [1, 2] as [Int64] {
                beat.sequence = sequence
                _ = try book.receive(beat, from: host.identity.id)
                try await HeartbeatWriter(pool: world.pool, book: book, logger: world.logger).flush()
                beat.runtimes[0].logTail = nil
            }
            let row = try await world.pool.queryOne(
                "SELECT log_tail::text AS tail, jsonb_array_length(log_tail) AS lines, restartable FROM serving.workers WHERE log_tail_at IS NOT NULL"
            )
            let tail = try #require(try row?.value("tail", as: String.self))
            #expect(try row?.value("lines", as: Int.self) == 20 && row?.value("restartable", as: Bool.self) == true)
            #expect(!tail.contains("ghp_") && !tail.contains("\\u001b") && !tail.contains("MIIE") && tail.contains("29 token="))
        }
    }

    @Test func linesOfALogAreKeptWholeAndOfMoreThanThereIsRoomForTheLast() throws {
        var beat = PeerWorld.heartbeat(epoch: 1, sequence: 1, releases: ["tiny-1"])
        let long = String(repeating: "x", count: 9_000) + " prompt: say ready"
        beat.runtimes[0].logTail = ["first"] + [String(repeating: "y", count: 9_000), long]
        #expect(beat.bounded.runtimes[0].logTail == [String(repeating: "y", count: 16_000 - long.count), long])
        beat.runtimes[0].logTail = Array(repeating: String(repeating: "\u{10FFFD}", count: 1_000), count: 20)
        let kept = try #require(beat.bounded.runtimes[0].logTail)
        #expect(kept.count == 16 && kept.map(AdminJSON.string).joined(separator: ", ").utf8.count < 65_536 - 2, "the schema takes it")
    }

    @Test func aLogThatIsToldAgainLaterIsALookOfItsOwnAndAnImageIsKeptByItsDigestAlone() async throws {
        try await PeerWorld.with { world in
            let host = try await world.enrol()
            var beat = PeerWorld.heartbeat(epoch: 1, sequence: 1, releases: ["tiny-1"])
            beat.runtimes[0].logTail = ["started"]
            let digest = "sha256:" + String(repeating: "a", count: 64)
            let book = HeartbeatBook()
            func tell(_ image: String?) async throws -> (image: String?, isNew: Bool) {
                (beat.runtimes[0].imageDigest, beat.runtimes[0].weightsDigest) = (image, image)
                _ = try book.receive(beat, from: host.identity.id)
                try await HeartbeatWriter(pool: world.pool, book: book, logger: world.logger).flush()
                beat.sequence += 1
                let row = try #require(
                    try await world.pool.queryOne(
                        "SELECT image_digest, weights_digest, log_tail_at > now() - interval '1 minute' AS is_new FROM serving.workers"))
                #expect(try row.value("weights_digest", as: String?.self) == row.value("image_digest", as: String?.self))
                return (try row.value("image_digest"), try row.value("is_new"))
            }
            #expect(try await tell(digest) == (digest, true))
            try await world.pool.execute(
                "UPDATE serving.workers SET log_tail_at = now() - interval '1 hour', last_reported_at = now() - interval '1 hour'")
            #expect(try await tell(digest) == (digest, true), "the same lines, looked at once more")
            for image in ["sha256:short", "latest", nil] { #expect(try await tell(image).image == nil) }
        }
    }

    @Test func aRuntimeOfAKnownReleaseBecomesAWorker() async throws {
        try await PeerWorld.with { world in
            let host = try await world.enrol()
            try await world.report(host, epoch: 1, sequence: 1, releases: ["tiny-1", "unheard-of"])
            let state = try #require(try await world.desired(host, newerThan: 1))
            #expect(state.workers.map(\.release) == ["tiny-1", "unheard-of"])
            #expect(state.workers[0].refusal == nil)
            #expect(state.workers[1].refusal?.hasPrefix("release_unknown") == true)
            #expect(try await world.count("SELECT 1 FROM serving.workers WHERE accepted") == 1)
        }
    }

    @Test func theSameReportAgainChangesNoGeneration() async throws {
        try await PeerWorld.with { world in
            let host = try await world.enrol()
            try await world.report(host, epoch: 1, sequence: 1, releases: ["tiny-1"])
            let generation = try #require(try await world.desired(host)).generation
            try await world.report(host, epoch: 1, sequence: 2, releases: ["tiny-1"])
            #expect(try await world.desired(host, newerThan: generation) == nil)
            #expect(try await world.count("SELECT 1 FROM serving.hosts WHERE sequence = 2 AND last_heartbeat_at IS NOT NULL") == 1)
        }
    }

    @Test func aRuntimeThatIsGoneIsRetiredAndComesBackWithItsId() async throws {
        try await PeerWorld.with { world in
            let host = try await world.enrol()
            try await world.report(host, epoch: 1, sequence: 1, releases: ["tiny-1"])
            let id = try #require(try await world.desired(host)?.workers.first?.id)
            try await world.report(host, epoch: 1, sequence: 2, releases: [])
            #expect(try await world.desired(host)?.workers.isEmpty == true)
            try await world.report(host, epoch: 2, sequence: 1, releases: ["tiny-1"])
            #expect(try await world.desired(host)?.workers.first?.id == id)
        }
    }

    @Test func aReplayedHeartbeatDoesNotReachTheDatabase() async throws {
        try await PeerWorld.with { world in
            let host = try await world.enrol()
            try await world.report(host, epoch: 9, sequence: 9, releases: ["tiny-1"])
            try await world.report(host, epoch: 8, sequence: 99, releases: [])
            #expect(try await world.count("SELECT 1 FROM serving.hosts WHERE epoch = 9 AND sequence = 9") == 1)
            #expect(try await world.count("SELECT 1 FROM serving.workers WHERE retired_at IS NULL") == 1)
        }
    }

    static let hostile: [Heartbeat] = {
        var nameless = PeerWorld.heartbeat(epoch: 1, sequence: 1, releases: ["tiny-1"])
        nameless.runtimes[0].runtime = "\u{1}"
        var long = PeerWorld.heartbeat(epoch: 1, sequence: 1, releases: ["tiny-1"])
        let name = String(repeating: "\u{1F600}", count: 200)
        long.inventory?.accelerators = (0..<64).map { _ in Inventory.Accelerator(uuid: name, name: name, memoryBytes: 1) }
        return [nameless, long]
    }()

    @Test(arguments: hostile) func aHostileHostHoldsNobodyElseUp(_ beat: Heartbeat) async throws {
        try await PeerWorld.with { world in
            let (attacker, honest) = (try await world.enrol(), try await world.enrol())
            let book = HeartbeatBook()
            let answer = try book.receive(beat, from: attacker.identity.id)
            #expect(!answer.wantsInventory)
            _ = try book.receive(PeerWorld.heartbeat(epoch: 1, sequence: 1, releases: ["tiny-1"]), from: honest.identity.id)
            try await HeartbeatWriter(pool: world.pool, book: book, logger: world.logger).flush()
            #expect(try await world.count("SELECT 1 FROM serving.hosts WHERE sequence = 1") == 2)
            #expect(try await world.desired(honest)?.workers.count == 1)
        }
    }

    @Test func aHostThatTheSchemaRefusesIsLeftOutOfItsBatch() async throws {
        try await PeerWorld.with { world in
            try await world.pool.execute("ALTER TABLE serving.hosts ADD CONSTRAINT hosts_poison CHECK (version <> 'poison')")
            let book = HeartbeatBook()
            for number in 0..<7 {
                var beat = PeerWorld.heartbeat(epoch: 1, sequence: 1, releases: ["tiny-1"])
                if number == 3 { beat.version = "poison" }
                _ = try book.receive(beat, from: try await world.enrol().identity.id)
            }
            let writer = HeartbeatWriter(pool: world.pool, book: book, logger: world.logger)
            try await writer.flush()
            #expect(try await world.count("SELECT 1 FROM serving.hosts WHERE sequence = 1") == 6)
            #expect(book.takeUnwritten(10).isEmpty)
        }
    }

    @Test(arguments: [("8.6", true), ("10.0", true), ("8.0", false), (nil, false), ("9.0'; --", false), ("nine", false)] as [(String?, Bool)])
    func acceleratorsBelowTheCapabilityOfTheReleaseAreRefused(_ capability: String?, _ suffices: Bool) async throws {
        try await PeerWorld.with { world in
            try await world.pool.execute("UPDATE serving.releases SET min_compute_capability = '8.6'")
            let host = try await world.enrol()
            var beat = PeerWorld.heartbeat(epoch: 1, sequence: 1, releases: ["tiny-1"])
            beat.inventory?.accelerators = [Inventory.Accelerator(uuid: "g", name: "g", memoryBytes: 1, computeCapability: capability)]
            let book = HeartbeatBook()
            _ = try book.receive(beat, from: host.identity.id)
            try await HeartbeatWriter(pool: world.pool, book: book, logger: world.logger).flush()
            let refusal = try #require(try await world.desired(host)?.workers.first).refusal
            #expect(refusal == (suffices ? nil : "compute_capability_too_low: the release needs 8.6"))
        }
    }

    @Test func onlyWorkersThatAreNewOrOtherWakeThePublisher() async throws {
        try await PeerWorld.with { world in
            let host = try await world.enrol()
            let listener = NotificationListener(configuration: world.pool.configuration, channels: ["plimsoll_table"], logger: world.logger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await listener.run() }
                var events = listener.events.makeAsyncIterator()
                #expect(await events.next() == .connected)
                try await world.report(host, epoch: 1, sequence: 1, releases: ["tiny-1"])
                #expect(await events.next() == .notified(channel: "plimsoll_table", payload: "workers"))
                try await world.report(host, epoch: 1, sequence: 2, releases: ["tiny-1"])
                try await world.report(host, epoch: 1, sequence: 3, releases: ["tiny-1", "unheard-of"])
                try await world.pool.execute("UPDATE serving.tiers SET priority = 7")
                #expect(await events.next() == .notified(channel: "plimsoll_table", payload: "tiers"))
                try await world.report(host, epoch: 1, sequence: 4, releases: ["tiny-1"], slots: 9)
                #expect(await events.next() == .notified(channel: "plimsoll_table", payload: "workers"))
                group.cancelAll()
            }
        }
    }

    @Test func releasesWithRequirementsRefuseSmallHosts() async throws {
        try await PeerWorld.with { world in
            try await world.pool.execute("UPDATE serving.releases SET min_memory_bytes = 99999999999")
            let host = try await world.enrol()
            try await world.report(host, epoch: 1, sequence: 1, releases: ["tiny-1"])
            #expect(try await world.desired(host)?.workers.first?.refusal?.hasPrefix("memory_too_small") == true)
        }
    }
}
