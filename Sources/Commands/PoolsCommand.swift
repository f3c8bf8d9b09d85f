import ArgumentParser

enum Pools: AdminKind {
    static let path = "pools"
    static let noun = "pool"
    static let columns: [AdminColumn] = ["name", "provider", "region", "kind", "hour_price_micro_usd", "state"]
    static let filters: [KindFilter] = ["provider", "region"]
    static let fields: [KindField] = [
        .required("name", "lower-case letters, digits, dots, dashes, underscores", changeable: false),
        .required("provider", changeable: false),
        .required("region", changeable: false),
        .optional("kind", "shared, warm or reserved"),
        .optional("context_class", "standard or long: which prompts its workers are for"),
        .optional("hour_price_micro_usd", "10^-6 US dollars for one host and hour", form: .json),
        .later("state", "active or suspended"),
    ]
}

struct PoolsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pools", abstract: "Groups of hosts of one provider in one region.",
        subcommands: [ListVerb<Pools>.self, GetVerb<Pools>.self, CreateVerb<Pools>.self, UpdateVerb<Pools>.self, DeleteVerb<Pools>.self])
}
