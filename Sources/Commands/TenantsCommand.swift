import ArgumentParser

enum Tenants: AdminKind {
    static let path = "tenants"
    static let noun = "tenant"
    static let columns: [AdminColumn] = ["id", "name", "display_name", "tier", "state", "created_at"]
    static let filters: [String] = ["tier", "state"]
}

struct TenantsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tenants", abstract: "Customers.",
        subcommands: [ListVerb<Tenants>.self, GetVerb<Tenants>.self, CreateVerb<Tenants>.self, UpdateVerb<Tenants>.self, DeleteVerb<Tenants>.self])
}
