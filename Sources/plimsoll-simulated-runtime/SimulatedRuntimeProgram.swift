import ArgumentParser
import Glibc
import Logging
import Program
import SimulatedRuntime

@main
struct SimulatedRuntimeProgram: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plimsoll-simulated-runtime",
        abstract: "A test tool: an OpenAI-compatible runtime that invents its answers.",
        discussion: """
            For tests, drills and load only. It has no model, it misbehaves on command, and no package installs it. Never put it behind customers.
            POST {"fault":"…","after":K,"count":N} to /_control orders a fault; GET /_control shows counts. Faults: hang_before_head,
            hang_mid_stream, close_mid_stream, drip, wrong_model, garbage, inflated_usage, storm_503, crash, none.
            POST {"play":"NAME"} has recorded bytes of an engine played: calls of tools, reasoning, probabilities, usage and errors in the manner
            of vLLM, SGLang, llama.cpp and TGI; an unknown name is answered with the list of all.
            In a prompt, [[play NAME]] does the same for one request, [[echo TEXT]] makes TEXT the first token of the answer, [[tokens N]] makes the answer N tokens long.
            """,
        version: Version.current)

    @Option(help: "Whose habits to take on: vllm or llamacpp.") var dialect = Dialect.vllm
    @Option(help: "The name under which the model is served.") var model = "simulated"
    @Option(help: "Port on 127.0.0.1; 0 takes a free one.") var port = 0
    @Option(help: "Listen on this unix socket instead of a port.") var socket: String?
    @Option(help: "One more port on 127.0.0.1 for /_control; 0 takes a free one.") var controlPort: Int?
    @Option(help: "Milliseconds to the first token.") var firstTokenMs = 50.0
    @Option(help: "Milliseconds between tokens.") var tokenGapMs = 10.0
    @Option(help: "Requests generated at the same time.") var slots = 4
    @Option(help: "KV cache in tokens; llamacpp divides it among the slots.") var kvTokens = 32_768
    @Option(help: "vllm: most requests waiting and running, one more is answered 503; without it there is no bound.") var queueCap: Int?
    @Option(help: "Milliseconds that loading the model takes.") var loadMs = 0.0
    @Option(help: "vllm: seconds that SIGTERM lets running requests finish.") var shutdownTimeout = 0.0
    @Option(help: "Changes every answer.") var seed: UInt64 = 1

    func validate() throws {
        guard slots > 0, kvTokens > 0 else { throw ValidationError("slots and KV tokens must be above zero") }
        guard firstTokenMs >= 0, tokenGapMs >= 0, loadMs >= 0, shutdownTimeout >= 0 else { throw ValidationError("times must not be negative") }
    }

    func run() async throws {
        var logger = Logger(label: "plimsoll-simulated-runtime", factory: StreamLogHandler.standardError(label:))
        logger.logLevel = .info
        // A crash is the sudden end of a process: no handlers, no goodbye.
        let runtime = SimulatedRuntime(
            settings: settings, listen: socket.map { .unixSocket(path: $0) } ?? .loopback(port: port), controlPort: controlPort, logger: logger,
            onCrash: { kill(getpid(), SIGKILL) }, onReady: announce)
        try await ProgramServices.run(
            [runtime], readiness: Readiness(), drainLimit: .seconds(shutdownTimeout) + .seconds(5), logger: logger)
    }

    private var settings: SimulationSettings {
        var settings = SimulationSettings(dialect: dialect, model: model)
        settings.slots = slots
        settings.kvTokens = kvTokens
        settings.queueCap = queueCap
        settings.firstToken = .milliseconds(firstTokenMs)
        settings.tokenGap = .milliseconds(tokenGapMs)
        settings.loading = .milliseconds(loadMs)
        settings.shutdownTimeout = .seconds(shutdownTimeout)
        settings.seed = seed
        return settings
    }
}

extension Dialect: ExpressibleByArgument {}

/// One line on standard output tells a starter where to find the runtime.
@Sendable private func announce(_ running: RunningSimulation) {
    print("READY \(running.address)" + (running.controlPort.map { " control=http://127.0.0.1:\($0)" } ?? ""))
    fflush(nil)
}
