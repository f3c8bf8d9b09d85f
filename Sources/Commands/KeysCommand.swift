import ArgumentParser

enum Keys: AdminKind {
    static let path = "keys"
    static let noun = "key"
    static let columns: [AdminColumn] = ["id", "name", "prefix", "tenant", "expires_at", "revoked_at", "created_at"]
    static let filters: [String] = ["tenant"]
}

struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Customers' keys.",
        subcommands: [ListVerb<Keys>.self, GetVerb<Keys>.self, CreateVerb<Keys>.self, UpdateVerb<Keys>.self, RevokeVerb<Keys>.self])
}
