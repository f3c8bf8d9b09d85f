import ArgumentParser
import Domain
import ControlPlane
import Program

@main
struct PlimsollControl: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plimsoll-control", abstract: "The control plane: truth in PostgreSQL, identities, routing tables, the admin API.",
        version: Version.current,
        subcommands: [
            Serve.self, Initialise.self, Migrate.self, MakeToken.self, RenewAuthority.self, CheckConfig.self,
        ])
}

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Serves administrators, agents and gateways until SIGTERM.")

    @OptionGroup var options: ProgramOptions

    func run() async throws {
        options.begin(redact: Redactor.standard.redact)
        let settings = try ProgramExit.reading { try ControlSettings(options.settings()) }
        try await ControlProgram(settings).serve()
    }
}

struct Initialise: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Makes the authorities and the first admin token. What is there already stays as it is.")

    @OptionGroup var options: ProgramOptions

    @Option(help: "Write the token to this file, readable by its owner only, in place of printing it.")
    var tokenFile: String?

    func run() async throws {
        options.begin(redact: Redactor.standard.redact)
        let settings = try ProgramExit.reading { try ControlSettings(options.settings()) }
        try await ControlProgram(settings).initialise(tokenFile: tokenFile)
    }
}

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Brings the database's schema forward. Nothing else does.")

    @OptionGroup var options: ProgramOptions

    func run() async throws {
        options.begin(redact: Redactor.standard.redact)
        let settings = try ProgramExit.reading { try ControlSettings(options.settings()) }
        try await ControlProgram(settings).migrate()
    }
}

struct MakeToken: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Makes an admin token, such as when all owners' tokens are lost. The audit chain keeps it.")

    @OptionGroup var options: ProgramOptions

    @Option(help: "For people to tell tokens apart.")
    var name: String

    @Option(help: "owner, operator or viewer.")
    var role: AdminRole

    @Option(help: "Write the token to this file, readable by its owner only, in place of printing it.")
    var tokenFile: String?

    func run() async throws {
        options.begin(redact: Redactor.standard.redact)
        let settings = try ProgramExit.reading { try ControlSettings(options.settings()) }
        try await ControlProgram(settings).makeToken(name: name, role: role, tokenFile: tokenFile)
    }
}

extension AdminRole: ExpressibleByArgument {}

struct RenewAuthority: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "renew-authority", abstract: "Signs a new intermediate authority with the root's key. Running programs use it within the hour.")

    @OptionGroup var options: ProgramOptions

    @Option(help: "Where the root's key is kept.")
    var rootKey: String

    func run() async throws {
        let settings = try ProgramExit.reading { try ControlSettings(options.settings()) }
        try settings.authorities.renewIntermediate(rootKeyPath: rootKey)
        print("The intermediate authority is new. Running programs use it within the hour.")
    }
}

struct CheckConfig: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "check-config", abstract: "Prints every fault of the settings at once.")

    @OptionGroup var options: ProgramOptions

    func run() throws {
        try ProgramExit.checkConfiguration { try ControlSettings(options.settings()) }
    }
}
