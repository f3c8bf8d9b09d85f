import ArgumentParser

enum QuarantinedUsage: AdminKind {
    static let path = "usage-quarantine"
    static let noun = "usage record that was set aside"
    static let columns: [AdminColumn] = ["received_at", "request_id", "reason", "gateway", "id"]
    static let filters: [KindFilter] = ["request_id", "reason", "gateway", .since, .until]
}

struct QuarantineCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage-quarantine", abstract: "Usage records that were set aside for a person to look at.",
        subcommands: [ListVerb<QuarantinedUsage>.self])
}
