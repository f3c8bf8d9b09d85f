import ArgumentParser

enum AbuseEvents: AdminKind {
    static let path = "abuse-events"
    static let noun = "abuse event"
    static let columns: [AdminColumn] = ["at", "kind", "tenant", "rule", "count", "gateway", "detail"]
    static let filters: [KindFilter] = ["kind", .tenant, "rule", "gateway", .since, .until]
}

struct AbuseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "abuse", abstract: "Rules that were met, addresses that were locked, tenants that behave unlike themselves.",
        subcommands: [ListVerb<AbuseEvents>.self])
}
