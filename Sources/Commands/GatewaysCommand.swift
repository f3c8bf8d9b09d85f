import ArgumentParser

enum Gateways: AdminKind {
    static let path = "gateways"
    static let noun = "gateway"
    static let columns: [AdminColumn] = ["id", "name", "region", "advertise", "state", "table_version", "last_seen_at"]
    static let filters: [KindFilter] = ["region", KindFilter("state", "active, locked or revoked")]
}

struct GatewaysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateways", abstract: "Gateways as they joined.",
        subcommands: [ListVerb<Gateways>.self, GetVerb<Gateways>.self, InviteGateway.self, RevokeVerb<Gateways>.self])
}
