import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization

/// A port that takes links. Both listening sides are made of it.
final class LinkAcceptor: Sendable {
    private let pipeline: LinkPipeline
    private let group: any EventLoopGroup
    private let host: String
    private let port: Int
    private let logger: Logger
    private let bound = Mutex<(any Channel)?>(nil)
    private let handshakes = Atomic(0)

    var sessions: LinkSessions { pipeline.sessions }

    init(pipeline: LinkPipeline, group: any EventLoopGroup, host: String, port: Int, logger: Logger) {
        self.pipeline = pipeline
        self.group = group
        self.host = host
        self.port = port
        self.logger = logger
    }

    func bind() async throws -> Int {
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(ChannelOptions.backlog, value: 512)
            .serverChannelOption(ChannelOptions.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(LinkSocket.noDelay, value: 1)
            .childChannelOption(LinkSocket.userTimeout, value: LinkSocket.userTimeoutMilliseconds)
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture { try accept(channel) }
            }
            .bind(host: host, port: port).get()
        bound.withLock { $0 = channel }
        return channel.localAddress?.port ?? port
    }

    func run() async throws {
        if bound.withLock({ $0 == nil }) { _ = try await bind() }
        do {
            try await gracefulShutdown()
            await stop()
            await sessions.end(.drain(within: pipeline.settings.endDeadline))
        } catch {
            await stop()
            await sessions.end(.cut(LinkError(.closed, "shutting down")))
            throw error
        }
    }

    func drain() async {
        await stop()
        await sessions.end(.drain(within: pipeline.settings.drainDeadline))
    }

    private func stop() async {
        guard let channel = bound.withLock({ $0 }) else { return }
        channel.close(promise: nil)
        do { try await channel.closeFuture.get() } catch { logger.debug("listener closed", metadata: ["error.reason": "\(error)"]) }
    }

    private func accept(_ channel: any Channel) throws {
        guard handshakes.load(ordering: .relaxed) < pipeline.settings.maximumPendingAccepts else {
            channel.close(promise: nil)
            return
        }
        let address = channel.remoteAddress?.hostAndPort ?? "unknown"
        let admitted = try pipeline.install(on: channel, as: .accepted)
        handshakes.wrappingAdd(1, ordering: .relaxed)
        admitted.whenComplete { [self] result in
            handshakes.wrappingSubtract(1, ordering: .relaxed)
            switch result {
            case .success(let session):
                logger.info("link accepted", metadata: ["peer.identity": "\(session.peer)", "peer.address": "\(address)"])
            case .failure(let error):
                let code = (error as? LinkError)?.code ?? .handshakeFailed
                logger.warning(
                    "link refused", metadata: ["peer.address": "\(address)", "error.code": "\(code)", "error.reason": "\(error)"])
            }
        }
    }
}
