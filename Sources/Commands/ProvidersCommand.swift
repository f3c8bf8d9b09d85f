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
            ProviderScoresCommand.self,
        ])
}

enum ProviderScores: AdminKind {
    static let path = "provider-scores"
    static let noun = "score"
    static let columns: [AdminColumn] = [
        "provider", "points", "admitted", "low", "availability", "latency", "preemption", "price", "probes", "clean_probes", "undrained_losses",
        "last_probe_at",
    ]
    static let filters: [KindFilter] = ["provider", KindFilter("admitted", "true or false")]
}

enum ProviderScoreDays: AdminKind {
    static let path = "provider-score-days"
    static let noun = "score of a day"
    static let columns: [AdminColumn] = ["day", "provider", "points", "admitted"]
    static let filters: [KindFilter] = ["provider"]
}

struct ProviderScoresCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scores", abstract: "How far each provider can be relied on, 0 to 100, and whether it may serve tiers whose promise pays.",
        subcommands: [ListVerb<ProviderScores>.self, ProviderScoreDaysCommand.self], defaultSubcommand: ListVerb<ProviderScores>.self)
}

struct ProviderScoreDaysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "days", abstract: "The last score of each day.", subcommands: [ListVerb<ProviderScoreDays>.self],
        defaultSubcommand: ListVerb<ProviderScoreDays>.self)
}
