import ArgumentParser

enum Weights: AdminKind {
    static let path = "routing-weights"
    static let noun = "routing weight"
    static let columns: [AdminColumn] = ["version", "scope", "subject", "weight_ppm", "source", "current", "reason", "created_at"]
    static let filters: [String] = ["scope", "subject"]
}

struct WeightsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "routing-weights", abstract: "Shares of traffic, every version with its reason.",
        subcommands: [ListVerb<Weights>.self, CreateVerb<Weights>.self], aliases: ["weights"])
}
