import ArgumentParser

enum Pools: AdminKind {
    static let path = "pools"
    static let noun = "pool"
    static let columns: [AdminColumn] = ["name", "provider", "region", "kind", "hour_price_micro_usd", "state"]
    static let filters: [String] = ["provider", "region"]
}

struct PoolsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pools", abstract: "Groups of hosts of one provider in one region.",
        subcommands: [ListVerb<Pools>.self, GetVerb<Pools>.self, CreateVerb<Pools>.self, UpdateVerb<Pools>.self, DeleteVerb<Pools>.self])
}
