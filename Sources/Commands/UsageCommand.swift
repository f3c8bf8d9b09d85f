import ArgumentParser

enum Usage: AdminKind {
    static let path = "usage-records"
    static let noun = "usage record"
    static let columns: [AdminColumn] = [
        AdminColumn("accepted at", "accepted_at", isMicroseconds: true), "request_id", "tenant", "model", "status", "outcome", "prompt_tokens",
        "completion_tokens",
    ]
    static let filters: [KindFilter] = ["request_id", .tenant, "model", .since, .until]
}

struct UsageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage-records", abstract: "One record for each admitted request.",
        subcommands: [ListVerb<Usage>.self], aliases: ["usage"])
}
