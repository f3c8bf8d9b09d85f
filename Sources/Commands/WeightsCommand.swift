import ArgumentParser

enum Weights: AdminKind {
    static let path = "routing-weights"
    static let noun = "routing weight"
    static let columns: [AdminColumn] = ["version", "scope", "subject", "weight_ppm", "source", "current", "reason", "created_at"]
    static let filters: [KindFilter] = [KindFilter("scope", "release, pool or provider"), "subject"]
    static let fields: [KindField] = [
        .required("scope", "release, pool or provider", changeable: false),
        .required("subject", "its name", changeable: false),
        .required("weight_ppm", "share in parts per million, 0 to 1000000", form: .json, changeable: false),
        .required("reason", changeable: false),
    ]
}

struct WeightsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "routing-weights", abstract: "Shares of traffic, every version with its reason.",
        subcommands: [ListVerb<Weights>.self, CreateVerb<Weights>.self], aliases: ["weights"])
}
