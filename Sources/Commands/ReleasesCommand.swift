import ArgumentParser

enum Releases: AdminKind {
    static let path = "releases"
    static let noun = "release"
    static let columns: [AdminColumn] = ["name", "model", "quantisation", "dialects", "weight_ppm", "state"]
    static let filters: [String] = ["model", "state"]
}

struct ReleasesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "releases", abstract: "Weights and images behind a model.",
        subcommands: [
            ListVerb<Releases>.self, GetVerb<Releases>.self, CreateVerb<Releases>.self, UpdateVerb<Releases>.self, DeleteVerb<Releases>.self,
        ])
}
