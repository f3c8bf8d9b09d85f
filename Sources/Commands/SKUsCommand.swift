import ArgumentParser

enum SKUs: AdminKind {
    static let path = "skus"
    static let noun = "SKU"
    static let columns: [AdminColumn] = [
        "name", "model", "tier", "primary_region", "backup_region", "prompt_price_pico_usd", "completion_price_pico_usd", "state",
    ]
    static let filters: [String] = ["model", "tier", "state"]
}

struct SKUsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "skus", abstract: "Models as they are sold.",
        subcommands: [ListVerb<SKUs>.self, GetVerb<SKUs>.self, CreateVerb<SKUs>.self, UpdateVerb<SKUs>.self, DeleteVerb<SKUs>.self])
}
