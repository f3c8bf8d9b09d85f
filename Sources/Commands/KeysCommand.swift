import ArgumentParser

enum Keys: AdminKind {
    static let path = "keys"
    static let noun = "key"
    static let columns: [AdminColumn] = ["id", "name", "prefix", "tenant", "expires_at", "revoked_at", "created_at"]
    static let filters: [KindFilter] = [.tenant]
    static let fields: [KindField] = [
        .required("tenant", "id or name", changeable: false),
        .required("name"),
        .optional("mode", "live or test", changeable: false),
        .optional("value", "a key made elsewhere, 16 to 200 visible ASCII characters", changeable: false),
        .optional("models", "list; null: every model of the tenant's tier", form: .json),
        .optional("requests_per_minute", "null: the tier's; never above it", form: .json),
        .optional("tokens_per_minute", form: .json),
        .optional("concurrent_requests", form: .json),
        .optional("masking", "none, warn, secrets, personal or all; null: the tenant's"),
        .optional("allowed_addresses", "list of ranges such as 192.0.2.0/24; null: everywhere", form: .json),
        .optional("allowed_trust_classes", "list of standard and trusted; null: the tenant's", form: .json),
        .optional("expires_at", "instant such as 2030-01-31T12:00:00Z"),
    ]
    static let secret: String? = "secret"
}

struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Customers' keys.",
        subcommands: [ListVerb<Keys>.self, GetVerb<Keys>.self, CreateVerb<Keys>.self, UpdateVerb<Keys>.self, RevokeVerb<Keys>.self])
}
