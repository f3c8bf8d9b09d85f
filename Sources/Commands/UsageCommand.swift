import ArgumentParser

enum Usage: AdminKind {
    static let path = "usage-records"
    static let noun = "usage record"
    static let columns: [AdminColumn] = ["accepted_at", "request_id", "tenant", "model", "status", "outcome", "prompt_tokens", "completion_tokens"]
    static let filters: [String] = ["request_id", "tenant", "model", "since"]
}

struct UsageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage-records", abstract: "One record for each admitted request.",
        subcommands: [ListVerb<Usage>.self], aliases: ["usage"])
}
