import ArgumentParser
import FoundationEssentials
import Program

/// `plimsoll dev`
struct DevCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dev", abstract: "Runs a whole small installation on this machine: PostgreSQL, control plane, gateway, two hosts.",
        discussion: """
            State is kept in .plimsoll (PLIMSOLL_STATE) and used again at the next start. PLIMSOLL_PORT_BASE (7700) moves every port, so that
            installations run side by side. Without a flag it stays in the foreground; Ctrl-C stops what it started.
            """)

    enum Runtime: String, ExpressibleByArgument, CaseIterable {
        case llamacpp
        case llama
        case simulated
    }

    @Option(help: "What the hosts serve with: llamacpp (a small real model) or simulated.") var runtime = Runtime.llamacpp
    @Option(help: "The Python that has xllamacpp; or PLIMSOLL_LLAMA_PYTHON.") var python: String?
    @Option(help: "The script that runs llama.cpp's server; or PLIMSOLL_LLAMA_WORKER.") var worker: String?
    @Flag(help: "Return once it is ready and leave it running.") var detach = false
    @Flag(help: .private) var unattended = false
    @Flag(help: "Stop the one that runs; the data stays.") var stop = false
    @Flag(help: "Show what runs; 1 when nothing does.") var status = false
    @Flag(help: "Stop, and remove the data.") var reset = false

    func validate() throws {
        if [detach, stop, status, reset].count(where: { $0 }) > 1 { throw ValidationError("take one of --detach, --stop, --status, --reset") }
    }

    func run() async throws {
        try await CommandFailure.reporting {
            let environment = ProcessEnvironment.current
            let layout = try DevLayout(environment: environment)
            let background = DevBackground(layout: layout)
            if status { return try background.status() }
            if stop { return try await background.stop() }
            if reset { return try await background.reset() }
            let kind: DevRuntime.Kind = runtime == .simulated ? .simulated : .llamacpp
            let chosen = try DevRuntime(kind, environment: environment, python: python, worker: worker)
            guard DevRecord(layout).keeper == nil else {
                throw CommandFailure(.refused, "an installation runs already in \(layout.state); stop it with --stop")
            }
            if detach { return try await background.start(arguments: foregroundArguments, environment: environment, model: chosen.model) }
            await DevRecord(layout).sweep()
            let postgres = try DevPostgres(layout, environment: environment)
            let installation = DevInstallation(layout: layout, runtime: chosen, postgres: postgres, isUnattended: unattended)
            try await ProgramSignals.run { try await installation.run() }
        }
    }

    private var foregroundArguments: [String] {
        ["dev", "--unattended", "--runtime", runtime.rawValue] + (python.map { ["--python", $0] } ?? []) + (worker.map { ["--worker", $0] } ?? [])
    }
}
