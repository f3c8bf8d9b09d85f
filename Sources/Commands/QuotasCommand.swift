import ArgumentParser

enum Quotas: AdminKind {
    static let path = "quotas"
    static let noun = "quota"
    static let columns: [AdminColumn] = [AdminColumn("holder", "holder"), "kind", "period", "limit", "spent", "leased", "gateways", "sought"]
    static let filters: [KindFilter] = [
        .tenant, KindFilter("holder", "tenant/ID or key/ID"), KindFilter("kind", "tokens_per_day, tokens_per_month or spend_per_month"), .since,
        .until,
    ]
}

struct QuotasCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quotas", abstract: "What of each quota of a day or month gateways hold and have spent.",
        subcommands: [ListVerb<Quotas>.self])
}
