import ArgumentParser
import HTTPWire

enum Captures: AdminKind {
    static let path = "captures"
    static let noun = "debug capture"
    static let columns: [AdminColumn] = ["id", "tenant", "key", "key_only", "records", "state", "created_at", "expires_at"]
    static let filters: [KindFilter] = [.tenant, "key", KindFilter("state", "open or erased")]
}

struct CapturesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "captures", abstract: "Debug captures that tenants made: that they are, never what is in them.",
        subcommands: [ListVerb<Captures>.self, GetVerb<Captures>.self, EraseCapture.self])
}

/// `plimsoll captures erase ID --reason "its key leaked"`
struct EraseCapture: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "erase", abstract: "Ends one and erases what it kept; there is no way back.")

    @OptionGroup var options: AdminOptions
    @Argument(help: "Its id.") var capture: String
    @Option(help: "Why, for the record.") var reason: String?

    func run() async throws {
        try await CommandFailure.reporting {
            let body = reason.map { JSONValue.members(("reason", .string($0))) } ?? .object(JSONObject())
            options.show(try await options.client().change("POST", "\(Captures.path)/\(AdminClient.escape(capture))/erase", body))
        }
    }
}
