import ArgumentParser

enum Providers: AdminKind {
    static let path = "providers"
    static let noun = "provider"
    static let columns: [AdminColumn] = ["name", "display_name", "kind", "trust_class", "state"]
    static let filters: [String] = []
}

struct ProvidersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "providers", abstract: "Who rents hosts to us.",
        subcommands: [
            ListVerb<Providers>.self, GetVerb<Providers>.self, CreateVerb<Providers>.self, UpdateVerb<Providers>.self, DeleteVerb<Providers>.self,
        ])
}
