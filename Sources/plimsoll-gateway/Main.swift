import ArgumentParser
import CPlatform
import Domain
import Gateway
import Program

@main
struct PlimsollGateway: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plimsoll-gateway", abstract: "The customers' endpoint: keys, limits, routing, relay and metering.",
        version: Version.current, subcommands: [Serve.self, CheckConfig.self])

    /// On the first thread: a program that another thread begins anew looks for a moment, to whoever reads `/proc`, as if it had ended.
    @MainActor
    static func main() async {
        if CommandLine.arguments.dropFirst().first == "serve" { cplatform_keep_free_blocks(Upkeep.freeBlocks, CommandLine.unsafeArgv) }
        await main(nil)
    }
}

struct StandaloneOption: ParsableArguments {
    @Option(help: "Serve from this file alone: keys, tiers, models and plain HTTP runtimes; no control plane.")
    var standalone: String?
}

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Serves customers until SIGTERM.")

    @OptionGroup var options: ProgramOptions
    @OptionGroup var mode: StandaloneOption

    func run() async throws {
        options.begin(redact: Redactor.standard.redact)
        do {
            if let file = mode.standalone {
                let settings = try ProgramExit.reading { try StandaloneSettings(file: file) }
                try await GatewayProgram(settings.gateway).serve(settings.table)
            } else {
                let settings = try ProgramExit.reading { try ManagedSettings(options.settings()) }
                try await GatewayProgram(settings.gateway).serve(settings)
            }
        } catch let error as EnrolmentError {
            ProgramExit.complain(error.message)
            throw ProgramExit.refused
        } catch let error as MeterError {
            ProgramExit.complain(error.message)
            throw ProgramExit.refused
        }
    }
}

struct CheckConfig: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "check-config", abstract: "Prints every fault of the settings at once.")

    @OptionGroup var options: ProgramOptions
    @OptionGroup var mode: StandaloneOption

    func run() throws {
        if let file = mode.standalone {
            try ProgramExit.checkConfiguration { try StandaloneSettings(file: file) }
        } else {
            try ProgramExit.checkConfiguration { try ManagedSettings(options.settings()) }
        }
    }
}
