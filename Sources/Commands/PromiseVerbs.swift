import ArgumentParser
import HTTPWire

/// `plimsoll exclusions approve ID`
struct ApproveVerb<Kind: AdminKind>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "approve", abstract: "Approves one \(Kind.noun) that somebody else asked for.")
    }

    @OptionGroup var options: AdminOptions
    @Argument(help: "Its id.") var reference: String

    func run() async throws {
        try await CommandFailure.reporting {
            let path = "\(Kind.path)/\(AdminClient.escape(reference))/approve"
            options.show(try await options.client().change("POST", path, .object(JSONObject())))
        }
    }
}

/// The last word of a path that ends something, and what people call that.
protocol EndingKind: AdminKind {
    static var ending: String { get }
    static var endingAbstract: String { get }
}

/// `plimsoll maintenance-windows cancel ID --reason 'moved'`
struct EndVerb<Kind: EndingKind>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: Kind.ending, abstract: Kind.endingAbstract)
    }

    @OptionGroup var options: AdminOptions
    @Argument(help: "Its id.") var reference: String
    @Option(help: "Why, for the record.") var reason: String?

    func run() async throws {
        try await CommandFailure.reporting {
            let body = reason.map { JSONValue.members(("reason", .string($0))) } ?? .object(JSONObject())
            let path = "\(Kind.path)/\(AdminClient.escape(reference))/\(Kind.ending)"
            options.show(try await options.client().change("POST", path, body))
        }
    }
}
