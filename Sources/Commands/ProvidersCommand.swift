import ArgumentParser

enum Providers: AdminKind {
    static let path = "providers"
    static let noun = "provider"
    static let columns: [AdminColumn] = ["name", "display_name", "kind", "trust_class", "state"]
    static let fields: [KindField] = [
        .required("name", "lower-case letters, digits, dots, dashes, underscores", changeable: false),
        .required("display_name"),
        .required("kind", "marketplace, independent, decentralised or reserved"),
        .optional("trust_class", "standard or trusted"),
        .later("state", "active or suspended"),
    ]
}

struct ProvidersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "providers", abstract: "Who rents hosts to us.",
        subcommands: [
            ListVerb<Providers>.self, GetVerb<Providers>.self, CreateVerb<Providers>.self, UpdateVerb<Providers>.self, DeleteVerb<Providers>.self,
        ])
}
