import Cryptography
import Exchange
import FoundationEssentials
import Link
import Logging
import NIOCore
import NIOPosix
import PlimsollWire
import Synchronization

@testable import Gateway

/// A gateway's links and one host's agent with real certificates on loopback. The agent answers each request with the length of its prompt, in
/// many pieces, and reports one worker as ready.
struct LinkedHost {
    let hostId = UUID()
    let links: GatewayLinks
    let tunnel: TunnelDialer
    let direct: DirectListener
    /// How long requests may wait for others, as the agent was told: milliseconds.
    let windows = HeardWindows()
    private let gatewayId = UUID()

    var host: String { hostId.uuidString.lowercased() }
    var identity: String { PeerIdentity(role: .agent, id: hostId).description }

    /// - Parameter stream: Pieces of the event stream that answers each request, and whether it ends; nil: the length of the prompt.
    init(workers: [String] = ["worker-1"], stream: (pieces: [String], ends: Bool)? = nil) throws {
        let root = try CertificateAuthority.makeRoot()
        let intermediate = try root.makeIntermediate()
        func credentials(_ role: PeerIdentity.Role, _ id: UUID) throws -> LinkCredentials {
            let key = try PrivateKey()
            let leaf = try intermediate.issue(CertificateRequest(key: key), identity: PeerIdentity(role: role, id: id))
            return try LinkCredentials(
                certificateChainPem: leaf.pem + intermediate.certificate.pem, privateKeyPem: key.pem, authoritiesPem: root.certificate.pem)
        }
        let quiet = Logger(label: "links", factory: { _ in SwiftLogNoOpLogHandler() })
        let group = MultiThreadedEventLoopGroup.singleton
        var settings = LinkSettings()
        // Machines that run tests are busy.
        settings.busyDead = .seconds(20)
        settings.openDeadline = .seconds(20)
        settings.reconnectMaximum = .milliseconds(400)
        links = GatewayLinks(
            group: group, host: "127.0.0.1", port: 0, credentials: try credentials(.gateway, gatewayId), settings: settings, logger: quiet)
        let agent = try credentials(.agent, hostId)
        let serving = ScriptedAgent(workers: workers, stream: stream, windows: windows)
        tunnel = TunnelDialer(
            group: group, credentials: agent, admission: LinkAdmission(role: .gateway), serving: serving, settings: settings, logger: quiet)
        direct = DirectListener(
            group: group, host: "127.0.0.1", port: 0, credentials: agent, admission: LinkAdmission(role: .gateway), serving: serving,
            settings: settings, logger: quiet)
    }

    /// Runs all while `body` runs; then everything is closed.
    func running(_ body: () async throws -> Void) async throws {
        let port = try await links.bind()
        tunnel.setGateways([LinkPeer(id: gatewayId.uuidString.lowercased(), address: "127.0.0.1:\(port)")])
        try await withThrowingTaskGroup(of: Void.self) { children in
            for service in [links.run, tunnel.run, direct.run] as [@Sendable () async throws -> Void] {
                children.addTask {
                    do { try await service() } catch is CancellationError { return }
                }
            }
            try await body()
            children.cancelAll()
            try await children.waitForAll()
        }
    }

    func entry(_ worker: String, link: LinkClass = .tunnel, address: String? = nil) -> WorkerEntry {
        WorkerEntry(
            id: worker, host: host, provider: "p", pool: "p", region: "r", model: "m", release: "m", dialect: .llamacpp, link: link,
            address: address, draining: false, slots: 4, contextTokens: 4096, weight: 1)
    }
}

final class HeardWindows: Sendable {
    private let heard = Mutex<[Int]>([])
    var all: [Int] { heard.withLock { $0 } }
    func add(_ milliseconds: Int) { heard.withLock { $0.append(milliseconds) } }
}

private final class ScriptedAgent: LinkServing {
    private let workers: [String]
    private let stream: (pieces: [String], ends: Bool)?
    private let windows: HeardWindows

    init(workers: [String], stream: (pieces: [String], ends: Bool)?, windows: HeardWindows) {
        self.workers = workers
        self.stream = stream
        self.windows = windows
    }

    func serve(_ request: LinkRequest, on stream: LinkServerStream) -> any LinkStreamReceiver {
        guard request.path == LinkPath.reports else {
            if LinkPath.relayed.contains(request.path) { windows.add(request.batchWindow) }
            return self.stream.map { StreamAnswer(stream, $0.pieces, ends: $0.ends) } ?? LengthAnswer(stream)
        }
        let load = RuntimeLoad(running: 3, waiting: -5, kvUsedRatio: 0.5)
        let report = LinkReport(state: .serving, workers: workers.map { LinkReport.Worker(id: $0, ready: true, load: load) })
        stream.sendHead(status: 200, contentType: "application/jsonl")
        do {
            stream.sendBody(ByteBuffer(bytes: try WireCoder.encode(report) + [UInt8(ascii: "\n")]))
        } catch {
            stream.reset()
        }
        return LengthAnswer(stream)
    }
}

private final class StreamAnswer: LinkStreamReceiver {
    private let stream: LinkServerStream
    private let pieces: [String]
    private let ends: Bool

    init(_ stream: LinkServerStream, _ pieces: [String], ends: Bool) {
        self.stream = stream
        self.pieces = pieces
        self.ends = ends
    }

    func streamBody(_ bytes: ByteBuffer) {}

    func streamEnd() {
        stream.sendHead(status: 200, contentType: "text/event-stream")
        for piece in pieces { stream.sendBody(ByteBuffer(string: piece)) }
        if ends { stream.sendEnd() }
    }

    func streamWritable() {}
    func streamReset() {}
    func streamOver() {}
}

private final class LengthAnswer: LinkStreamReceiver {
    private let stream: LinkServerStream
    private var length = 0

    init(_ stream: LinkServerStream) {
        self.stream = stream
    }

    func streamBody(_ bytes: ByteBuffer) { length += bytes.readableBytes }

    func streamEnd() {
        stream.sendHead(status: 200, contentType: "application/json")
        piece(0)
    }

    func streamWritable() {}
    func streamReset() {}
    func streamOver() {}

    private func piece(_ index: Int) {
        guard index < 4 else { return stream.sendEnd() }
        stream.sendBody(ByteBuffer(string: "\(length) "))
        stream.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(2)) { self.piece(index + 1) }
    }
}

/// Collects one answer and checks that every call comes on its loop.
final class LinkedAnswer: ExchangeReceiver, Sendable {
    struct Heard: Sendable {
        var head: ExchangeHead?
        var text = ""
        var outcome: String?
    }

    let eventLoop: any EventLoop
    let heard = Mutex(Heard())

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func exchangeHead(_ head: ExchangeHead) { note { $0.head = head } }
    func exchangeBody(_ bytes: ByteBuffer) { note { $0.text += String(buffer: bytes) } }
    func exchangeReadComplete() { note { _ in } }
    func exchangeEnd() { note { $0.outcome = "end" } }
    func exchangeFailed(_ failure: ExchangeFailure) { note { $0.outcome = failure.rawValue } }

    private func note(_ change: (inout Heard) -> Void) {
        eventLoop.preconditionInEventLoop()
        heard.withLock { change(&$0) }
    }
}
