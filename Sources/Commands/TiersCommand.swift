import ArgumentParser

enum Tiers: AdminKind {
    static let path = "tiers"
    static let noun = "tier"
    static let columns: [AdminColumn] = [
        "name", "display_name", "requests_per_minute", "tokens_per_minute", "concurrent_requests", "max_prompt_tokens", "max_output_tokens",
    ]
    static let filters: [String] = []
}

struct TiersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tiers", abstract: "What customers may buy, with its caps and quotas.",
        subcommands: [ListVerb<Tiers>.self, GetVerb<Tiers>.self, CreateVerb<Tiers>.self, UpdateVerb<Tiers>.self, DeleteVerb<Tiers>.self])
}
