import ArgumentParser

enum Minutes: AdminKind {
    static let path = "minutes"
    static let noun = "minute"
    static let columns: [AdminColumn] = [
        "minute_at", "tenant", "tier", "model", "region", "provider", "outcomes", "prompt_tokens", "completion_tokens",
    ]
    static let filters: [KindFilter] = [.tenant, "tier", "model", "region", "provider", .since, .until]
}

struct MinutesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "minutes", abstract: "Counters of each minute.",
        subcommands: [ListVerb<Minutes>.self])
}
