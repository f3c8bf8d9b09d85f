import Glibc
package import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
import Synchronization
package import Telemetry

/// `/metrics`, `/healthz` and `/readyz` on a local address.
package final class OperationsServer: Service {
    private let address: SettingsAddress
    private let metrics: MetricRegistry
    private let readiness: Readiness
    private let logger: Logger
    private let bound: (@Sendable (SettingsAddress) -> Void)?
    private let document: Document?
    private let order: Order?
    private let listening = Mutex<(any Channel)?>(nil)

    /// JSON that a program shows under a path of its own; nil: there is none.
    package typealias Document = @Sendable (_ path: String) -> String?

    /// Does what was posted to a path, and tells in JSON what came of it; nil: there is no such path.
    package typealias Order = @Sendable (_ path: String) -> String?

    /// - Parameters:
    ///   - order: Asked for every POST, whose body is not read. It must return soon, and be safe to give for whoever reaches this address.
    ///   - document: Asked for every path that is none of this server's own. It must return soon.
    ///   - bound: told where the server listens; of use when the port is 0.
    package init(
        address: SettingsAddress, metrics: MetricRegistry, readiness: Readiness, logger: Logger, document: Document? = nil,
        order: Order? = nil, bound: (@Sendable (SettingsAddress) -> Void)? = nil
    ) {
        self.address = address
        self.metrics = metrics
        self.readiness = readiness
        self.logger = logger
        self.bound = bound
        self.document = document
        self.order = order
    }

    /// Takes the address and answers from now on. `run` binds by itself when this was not called: who starts other things first calls it before,
    /// so that a taken address ends the program while there is nothing to stop.
    package func bind() async throws {
        let server: any Channel
        do {
            server = try await listen()
        } catch let error as IOError {
            logger.error(
                "cannot listen", metadata: [LogKeys.listenAddress: "\(address)", LogKeys.reason: "\(String(cString: strerror(error.errnoCode)))"])
            throw ProgramExit.refused
        }
        listening.withLock { $0 = server }
        var taken = address
        if let port = server.localAddress?.port, case .tcp(let host, _) = address { taken = SettingsAddress(host: host, port: port) }
        bound?(taken)
        logger.info("operations server listens", metadata: [LogKeys.listenAddress: "\(taken)"])
    }

    package func run() async throws {
        if listening.withLock({ $0 == nil }) { try await bind() }
        guard let server = listening.withLock({ $0 }) else { return }
        try await withGracefulShutdownHandler {
            try await withTaskCancellationHandler {
                try await server.closeFuture.get()
            } onCancel: {
                server.close(promise: nil)
            }
        } onGracefulShutdown: {
            server.close(promise: nil)
        }
    }

    private func listen() async throws -> any Channel {
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 64)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { [metrics, readiness, document, order] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(IdleCloser())
                    try channel.pipeline.syncOperations.addHandler(
                        OperationsHandler(metrics: metrics, readiness: readiness, document: document, order: order))
                }
            }
        switch address {
        case .tcp(let host, let port): return try await bootstrap.bind(host: host, port: port).get()
        case .unix(let path): return try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
        }
    }
}

/// Closes a connection that has been open for ten minutes, so that forgotten ones do not pile up.
private final class IdleCloser: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    private var closing: Scheduled<Void>?

    func channelActive(context: ChannelHandlerContext) {
        closing = context.eventLoop.assumeIsolated().scheduleTask(in: .minutes(10)) { context.close(promise: nil) }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        closing?.cancel()
        context.fireChannelInactive()
    }
}

/// Answers one request at a time.
private final class OperationsHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let metrics: MetricRegistry
    private let readiness: Readiness
    private let document: OperationsServer.Document?
    private let order: OperationsServer.Order?
    private var head: HTTPRequestHead?

    init(metrics: MetricRegistry, readiness: Readiness, document: OperationsServer.Document?, order: OperationsServer.Order?) {
        self.metrics = metrics
        self.readiness = readiness
        self.document = document
        self.order = order
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end: answer(context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func answer(_ context: ChannelHandlerContext) {
        guard let request = head else { return context.close(promise: nil) }
        head = nil
        let (status, type, text) = reply(request)
        var headers = HTTPHeaders([("content-type", type), ("content-length", String(text.utf8.count)), ("cache-control", "no-store")])
        if !request.isKeepAlive { headers.add(name: "connection", value: "close") }
        let body = context.channel.allocator.buffer(string: request.method == .HEAD ? "" : text)
        context.write(wrapOutboundOut(.head(HTTPResponseHead(version: request.version, status: status, headers: headers))), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        let sent = context.eventLoop.makePromise(of: Void.self)
        if !request.isKeepAlive { sent.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) } }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: sent)
    }

    private func reply(_ request: HTTPRequestHead) -> (HTTPResponseStatus, String, String) {
        let plain = "text/plain; charset=utf-8"
        if request.method == .POST, let done = order?(request.uri) { return (.ok, "application/json", done + "\n") }
        guard request.method == .GET || request.method == .HEAD else { return (.methodNotAllowed, plain, "only GET\n") }
        switch request.uri.split(separator: "?", maxSplits: 1).first {
        case "/metrics": return (.ok, PrometheusText.contentType, metrics.prometheusText())
        case "/healthz": return (.ok, plain, "ok\n")
        case "/readyz" where readiness.isReady: return (.ok, plain, "ready\n")
        case "/readyz": return (.serviceUnavailable, plain, "not ready: \(readiness.reasons.joined(separator: ", "))\n")
        case let path?:
            guard let text = document?(String(path)) else { return (.notFound, plain, "not found\n") }
            return (.ok, "application/json", text + "\n")
        case nil: return (.notFound, plain, "not found\n")
        }
    }
}
