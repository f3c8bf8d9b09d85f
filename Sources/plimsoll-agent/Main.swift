import Agent
import ArgumentParser
import Domain
import FoundationEssentials
import Glibc
import PlimsollWire
import Program

@main
struct PlimsollAgent: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plimsoll-agent", abstract: "Joins this host to a Plimsoll installation and serves its runtimes.", version: Version.current,
        subcommands: [Serve.self, CheckConfig.self, ShowInventory.self])
}

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Joins if needed, keeps the runtimes and links, until SIGTERM.")

    @OptionGroup var options: ProgramOptions

    func run() async throws {
        options.begin(redact: Redactor.standard.redact)
        let settings = try ProgramExit.reading { try AgentSettings(options.settings()) }
        do {
            try await AgentProgram(settings).run()
        } catch let error as AgentError {
            ProgramExit.complain(error.message)
            throw ProgramExit.refused
        }
    }
}

struct CheckConfig: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "check-config", abstract: "Prints every fault of the settings at once.")

    @OptionGroup var options: ProgramOptions

    func run() throws {
        try ProgramExit.checkConfiguration { try AgentSettings(options.settings()) }
    }
}

struct ShowInventory: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inventory", abstract: "Prints what this host would report about itself, as JSON.")

    @Option(help: "Path of NVIDIA's management library in place of the system's.")
    var nvmlLibrary: String?

    func run() async throws {
        let library = nvmlLibrary ?? ProcessEnvironment.current["PLIMSOLL_NVML_LIBRARY"]
        let inventory = await HostInventory(diskPath: "/", acceleratorLibrary: library).read()
        let encoder = WireCoder.encoder()
        encoder.outputFormatting.insert(.prettyPrinted)
        print(String(decoding: try encoder.encode(inventory), as: UTF8.self))
    }
}
