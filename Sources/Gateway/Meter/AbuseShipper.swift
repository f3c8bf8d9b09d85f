package import Logging
package import PlimsollWire
import ServiceLifecycle

/// Tells the control plane every few seconds which rules were met and how often addresses were locked. What cannot be sent is kept up to a bound:
/// these are counts for people.
package struct AbuseShipper: Service {
    package typealias Send = @Sendable (AbuseReport) async throws -> IntakeResponse

    private let take: @Sendable () async -> AbuseReport
    private let send: Send
    private let logger: Logger
    private let interval: Duration

    /// - Parameter server: Whose loops notice.
    package init(server: GatewayServer, logger: Logger, interval: Duration = .seconds(5), send: @escaping Send) {
        self.init(logger: logger, interval: interval, take: { await server.takeAbuse() }, send: send)
    }

    init(logger: Logger, interval: Duration, take: @escaping @Sendable () async -> AbuseReport, send: @escaping Send) {
        self.take = take
        self.send = send
        self.logger = logger
        self.interval = interval
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            var waiting = AbuseReport(hits: [], locks: 0)
            while !Task.isCancelled {
                waiting.add(await take())
                await ship(&waiting)
                // Cancellation ends the pause and the loop.
                try? await Task.sleep(for: interval, tolerance: .milliseconds(500))
            }
        }
    }

    /// In parts, of which one that is not taken waits with the rest.
    private func ship(_ waiting: inout AbuseReport) async {
        while !waiting.isEmpty {
            let part = waiting.takePart()
            do {
                _ = try await send(part)
            } catch {
                waiting.add(part)
                if !Task.isCancelled { logger.warning("abuse not reported", metadata: ["error": "\(MeterError.describe(error))"]) }
                return
            }
        }
    }
}

extension AbuseReport {
    private static let mostHits = 10_000
    /// Of hits and of uses each: 400 KB together, and the control plane takes 1 MiB.
    private static let mostOfPart = 2_000

    var isEmpty: Bool { hits.isEmpty && locks == 0 && uses?.isEmpty ?? true }

    /// As much as goes at once; the rest is left.
    mutating func takePart() -> AbuseReport {
        let uses = uses ?? []
        let part = AbuseReport(hits: Array(hits.prefix(Self.mostOfPart)), locks: locks, uses: Array(uses.prefix(Self.mostOfPart)))
        self = AbuseReport(hits: Array(hits.dropFirst(Self.mostOfPart)), locks: 0, uses: Array(uses.dropFirst(Self.mostOfPart)))
        return part
    }

    mutating func add(_ other: AbuseReport) {
        locks += other.locks
        var counts = Dictionary(hits.map { (RuleDesk.Hit(rule: $0.rule, tenant: $0.tenant), $0.count) }, uniquingKeysWith: +)
        for hit in other.hits {
            let name = RuleDesk.Hit(rule: hit.rule, tenant: hit.tenant)
            if counts[name] != nil || counts.count < Self.mostHits { counts[name, default: 0] += hit.count }
        }
        hits = counts.map { RuleHit(rule: $0.key.rule, tenant: $0.key.tenant, count: $0.value) }.sorted {
            ($0.rule, $0.tenant) < ($1.rule, $1.tenant)
        }
        uses = Self.merged((uses ?? []) + (other.uses ?? []))
    }

    /// The last use of each key from each address.
    private static func merged(_ uses: [KeyUse]) -> [KeyUse] {
        let last = Dictionary(uses.map { (KeyUse(key: $0.key, at: 0, address: $0.address), $0.at) }, uniquingKeysWith: max)
        return last.prefix(mostHits).map { KeyUse(key: $0.key.key, at: $0.value, address: $0.key.address) }
    }
}
