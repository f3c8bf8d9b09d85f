import Cryptography
import FoundationEssentials
import Glibc
import Logging
import NIOCore
import NIOPosix
import PlimsollWire
import ServiceLifecycle
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// A gateway on a free port, before runtimes of the test's making; its records are read from its spool at the end.
final class GatewayFixture: Sendable {
    let port: Int
    let spool: Spool
    let server: GatewayServer
    let metrics: MetricRegistry
    private let services: ServiceGroup
    private let group: MultiThreadedEventLoopGroup

    private init(
        port: Int, spool: Spool, server: GatewayServer, metrics: MetricRegistry, services: ServiceGroup, group: MultiThreadedEventLoopGroup
    ) {
        self.port = port
        self.spool = spool
        self.server = server
        self.metrics = metrics
        self.services = services
        self.group = group
    }

    /// Processor time that the thread of the gateway's loop has used until now; of one with a single loop.
    func loopTime() async throws -> Duration {
        try await group.next().submit {
            var used = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used)
            return Duration.seconds(used.tv_sec) + Duration.nanoseconds(used.tv_nsec)
        }.get()
    }

    /// Asks the gateway to stop as the first signal does; only where it was set up for that.
    func drain() async { await services.triggerGracefulShutdown() }

    struct Setup {
        var tier = TierEntry(
            name: "pro", maxPromptTokens: 1000, maxOutputTokens: 100, maxBodyBytes: 8192, requestsPerMinute: 1000, tokensPerMinute: 1_000_000,
            concurrentRequests: 100, maxTableAgeSeconds: 3600, ttftObjectiveMicroseconds: 1_500_000)
        var settings = GatewaySettings.patient
        var keyModels: [String]?
        var servedModel: String?
        var dialect = RuntimeDialect.vllm
        var loops = 1
        var registry: LinkRegistry?
        var contact: ControlContact?
        var captures: CaptureDesk?
        var scores: ScoreDesk?
        var certificates: EdgeCertificates?
        var probes: ProbeDesk?
        var statusPage: StatusShelf?
        var memory: MemoryWatch?
        var readers = ReaderDesks()
        /// Nil: nothing is kept.
        var limits: LimitBook?
        /// Nil: requests wait for no lease.
        var leases: LeaseKeeper?
        /// False: no table is ever in force.
        var appliesTable = true
        /// 0: the spool admits nothing.
        var unsyncedBytes = 64 << 20
        /// The last word on the spool.
        var editSpool: @Sendable (inout SpoolSettings) -> Void = { _ in }
        /// Ends may be lost: what is open at the end is closed as by a next start.
        var losesEnds = false
        /// The gateway is stopped as by a first signal, not as by a second one.
        var drains = false
        var drainLimit = Duration.seconds(5)
        /// The last word on the table.
        var edit: @Sendable (inout TableContents) -> Void = { _ in }
    }

    /// Runs `body` before a gateway with one worker for each runtime, each at a provider of its own; returns the usage records.
    @discardableResult
    static func run(
        _ runtimes: [ScriptedRuntime], _ setup: Setup = Setup(), _ body: (GatewayFixture) async throws -> Void
    ) async throws -> [UsageRecord] {
        try await TestTurns.gateways.take { try await serve(runtimes, setup, body) }
    }

    private static func serve(
        _ runtimes: [ScriptedRuntime], _ setup: Setup, _ body: (GatewayFixture) async throws -> Void
    ) async throws -> [UsageRecord] {
        let directory = FileManager.default.temporaryDirectory.path + "/gateway-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        var spoolSettings = SpoolSettings(
            directory: directory + "/spool", gateway: UUID().uuidString.lowercased(), unsyncedBytesLimit: setup.unsyncedBytes)
        setup.editSpool(&spoolSettings)
        let spool = try Spool(spoolSettings)
        let metrics = MetricRegistry()
        var settings = setup.settings
        settings.port = 0
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: setup.loops)
        let server = GatewayServer(
            settings: settings, group: group, spool: spool, registry: setup.registry, limits: setup.limits, contact: setup.contact,
            certificates: setup.certificates, captures: setup.captures, scores: setup.scores, probes: setup.probes, statusPage: setup.statusPage,
            memory: setup.memory, readers: setup.readers, metrics: metrics,
            drainLimit: setup.drainLimit,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), bound: { port.yield($0) })
        if let leases = setup.leases { server.use(leases) }
        if setup.appliesTable { server.apply(table(runtimes, setup)) }
        // Waited for below.
        let services = ServiceGroup(services: [server], logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let serving = Task { if setup.drains { try await services.run() } else { try await server.run() } }
        let bound = try #require(await ports.first { _ in true })
        let fixture = GatewayFixture(port: bound, spool: spool, server: server, metrics: metrics, services: services, group: group)
        let result: Result<Void, any Error>
        do { result = .success(try await body(fixture)) } catch { result = .failure(error) }
        if setup.drains { await fixture.drain() } else { serving.cancel() }
        try await serving.value
        if setup.losesEnds { _ = try SpoolRecovery(directory: spoolSettings.directory, gateway: spoolSettings.gateway).run() }
        let records = try await fixture.records()
        for runtime in runtimes { try await runtime.close() }
        try await group.shutdownGracefully()
        try Invariants.check(spool: directory + "/spool")
        try FileManager.default.removeItem(atPath: directory)
        try result.get()
        return records
    }

    /// Value of a metric without labels.
    func metric(_ name: String) -> String? {
        metrics.prometheusText().split(separator: "\n").first { $0.hasPrefix(name + " ") }.map { String($0.dropFirst(name.count + 1)) }
    }

    private func records() async throws -> [UsageRecord] {
        let collected = Collected()
        let shipper = UsageShipper(spool: spool, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })) { batch in
            collected.add(batch.records)
            return IntakeResponse(stored: batch.records.count, duplicates: 0, quarantined: 0)
        }
        try await shipper.drain()
        return collected.records
    }

    private final class Collected: Sendable {
        private let all = Mutex<[UsageRecord]>([])
        var records: [UsageRecord] { all.withLock { $0 } }
        func add(_ records: [UsageRecord]) { all.withLock { $0 += records } }
    }

    static func table(_ runtimes: [ScriptedRuntime], _ setup: Setup) -> TableContents {
        var table = TableContents(version: 1, issuedAtSeconds: Int64(Date().timeIntervalSince1970))
        table.tiers = ["pro": setup.tier]
        table.tenants = ["tenant-1": TenantEntry(id: "tenant-1", tier: "pro", active: true, allowedRegions: [], cacheSalt: "5a17")]
        let keys = [("key-1", "sk-test", nil as Int64?), ("key-2", "sk-expired", 1000)]
        for (id, secret, expires) in keys {
            let hash = Hash.sha256(secret).hex
            table.keys[hash] = KeyEntry(id: id, tenant: "tenant-1", sha256Hex: hash, expiresAtSeconds: expires, models: setup.keyModels)
        }
        for name in ["m", "other"] {
            table.models[name] = ModelEntry(name: name, contextTokens: 100_000, createdAtSeconds: 5, tiers: [], releaseWeights: ["r": 1_000_000])
        }
        table.workers = runtimes.enumerated().map { index, runtime in
            WorkerEntry(
                id: "worker-\(index)", host: "host-\(index)", provider: "provider-\(index)", pool: "p", region: "default", model: "m", release: "r",
                dialect: setup.dialect, servedModel: setup.servedModel, link: .direct, url: "http://127.0.0.1:\(runtime.port)", draining: false,
                slots: 4,
                contextTokens: 0, weight: 1_000_000)
        }
        setup.edit(&table)
        return table
    }
}

extension GatewaySettings {
    /// Where hundreds of tests share two processors, a client may be slow to go on with what it has begun.
    fileprivate static var patient: GatewaySettings {
        var settings = GatewaySettings()
        settings.headTime = 60
        return settings
    }
}

/// Requests and answers that the tests share.
enum Samples {
    static let request = #"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#
    static let stream = #"{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}"#
    static let answer =
        #"{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"#
        + #""finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}"#

    static func token(_ text: String) -> String { Answers.event(#"{"model":"m","choices":[{"index":0,"delta":{"content":"\#(text)"}}]}"#) }

    static let role = Answers.event(#"{"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#)
    static let stop = Answers.event(#"{"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#)
    static let usage = Answers.event(#"{"model":"m","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#)
    static let done = Answers.chunk("data: [DONE]\n\n")
    static let wholeStream = Answers.streamHead + role + token("a") + token("b") + stop + usage + done + Answers.streamEnd
}
