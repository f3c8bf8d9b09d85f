import ArgumentParser
import HTTPWire

enum QuarantinedUsage: AdminKind {
    static let path = "usage-quarantine"
    static let noun = "usage record that was set aside"
    static let columns: [AdminColumn] = ["received_at", "request_id", "reason", "gateway", "state", "id"]
    static let filters: [KindFilter] = ["request_id", "reason", "gateway", KindFilter("state", "open or decided"), .since, .until]
}

struct QuarantineCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage-quarantine", abstract: "Usage records that were set aside for a person to look at.",
        subcommands: [ListVerb<QuarantinedUsage>.self, DecideUsageCommand.self])
}

/// `plimsoll usage-quarantine decide ID --reason "a clock that was wrong"`
struct DecideUsageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decide", abstract: "Says what one is. It stays on record and unbilled, and nobody waits for it any more.")

    @OptionGroup var options: AdminOptions
    @Argument(help: "Id of the record that was set aside.") var record: String
    @Option(help: "What it is, for the record.") var reason: String

    func run() async throws {
        try await CommandFailure.reporting {
            let path = "usage-quarantine/\(AdminClient.escape(record))/decide"
            options.show(try await options.client().change("POST", path, .members(("reason", .string(reason)))))
        }
    }
}
