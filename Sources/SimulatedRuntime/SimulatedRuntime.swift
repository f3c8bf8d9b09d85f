package import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle

/// An OpenAI-compatible runtime for tests, drills and load. It generates no text of a model and must never serve a customer.
package struct SimulatedRuntime: Service {
    private let settings: SimulationSettings
    private let listen: ListenAddress
    private let controlPort: Int?
    private let logger: Logger
    private let onCrash: @Sendable () -> Void
    private let onReady: @Sendable (RunningSimulation) -> Void

    /// `controlPort`: where `/_control` is served beside the main address, on 127.0.0.1; it is always served on the main address too.
    /// `onCrash` must end the process when a crash is ordered; `onReady` is called once requests are answered.
    package init(
        settings: SimulationSettings, listen: ListenAddress, controlPort: Int? = nil, logger: Logger, onCrash: @escaping @Sendable () -> Void,
        onReady: @escaping @Sendable (RunningSimulation) -> Void = { _ in }
    ) {
        self.settings = settings
        self.listen = listen
        self.controlPort = controlPort
        self.logger = logger
        self.onCrash = onCrash
        self.onReady = onReady
    }

    /// Serves until the task is cancelled or asked to shut down, then leaves as the dialect does.
    package func run() async throws {
        let running = try await start()
        logger.info(
            "simulated runtime serves", metadata: ["listen.address": "\(running.address)", "runtime.dialect": "\(settings.dialect.rawValue)"])
        onReady(running)
        do {
            try await gracefulShutdown()
        } catch {
            logger.debug("simulated runtime was cancelled")
        }
        await running.stop()
    }

    /// Binds and returns at once (`llamacpp` may still be loading then).
    package func start() async throws -> RunningSimulation {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let onCrash = onCrash
        let engine = try await loop.submit { [settings] in
            NIOLoopBound(Engine(settings: settings, loop: loop, onCrash: onCrash), eventLoop: loop)
        }.get()
        if settings.dialect == .vllm { try await Task.sleep(for: settings.loading) }
        let main = try await bind(listen, engine, loop)
        let control = try await bindControl(engine, loop)
        let wait = settings.dialect == .llamacpp ? TimeAmount(settings.loading) : .zero
        try await loop.scheduleTask(in: .zero) {
            guard wait > .zero else { return engine.value.isReady = true }
            loop.scheduleTask(in: wait) { engine.value.isReady = true }
        }.futureResult.get()
        return RunningSimulation(
            main: main, control: control, engine: engine, grace: settings.dialect == .vllm ? settings.shutdownTimeout : .zero)
    }

    private func bindControl(_ engine: NIOLoopBound<Engine>, _ loop: any EventLoop) async throws -> (any Channel)? {
        guard let controlPort else { return nil }
        return try await bind(.loopback(port: controlPort), engine, loop)
    }

    private func bind(_ address: ListenAddress, _ engine: NIOLoopBound<Engine>, _ loop: any EventLoop) async throws -> any Channel {
        let bootstrap = ServerBootstrap(group: loop)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    // Without pipelining assistance: it would stop reading while an answer runs, and so not see the client leave.
                    try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: false)
                    try pipeline.addHandler(RuntimeHandler(engine: engine.value, servesControl: true))
                }
            }
        switch address {
        case .loopback(let port): return try await bootstrap.bind(host: "127.0.0.1", port: port).get()
        case .unixSocket(let path): return try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
        }
    }
}

/// A simulated runtime that is bound.
package struct RunningSimulation: Sendable {
    fileprivate let main: any Channel
    fileprivate let control: (any Channel)?
    fileprivate let engine: NIOLoopBound<Engine>
    fileprivate let grace: Duration

    /// Port on 127.0.0.1; nil on a unix socket.
    package var port: Int? { main.localAddress?.port }
    package var controlPort: Int? { control?.localAddress?.port ?? port }

    /// `http://127.0.0.1:PORT` or `unix:PATH`.
    package var address: String {
        port.map { "http://127.0.0.1:\($0)" } ?? "unix:\(main.localAddress?.pathname ?? "")"
    }

    /// What SIGTERM does: stops accepting, lets running requests finish for the time that the dialect allows, cuts the rest.
    package func stop() async {
        await close(main)
        let engine = engine
        let loop = main.eventLoop
        let idle = loop.flatSubmit { engine.value.drain() }
        let deadline = loop.scheduleTask(in: TimeAmount(grace)) { engine.value.halt() }
        await withCheckedContinuation { done in
            idle.whenComplete { _ in done.resume() }
        }
        deadline.cancel()
        loop.execute { engine.value.halt() }
        if let control { await close(control) }
    }

    private func close(_ channel: any Channel) async {
        do {
            try await channel.close()
        } catch {
            // Closed already: there is nothing left to do.
        }
    }
}
