import ArgumentParser
import HTTPWire

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
        .optional("burst_requests", "at once; null: as many as a minute has", form: .json),
        .optional("burst_tokens", form: .json),
        .optional("tokens_per_day", "null: only the tenant's", form: .json),
        .optional("tokens_per_month", form: .json),
        .optional("spend_per_month_micro_usd", "10^-6 US dollars", form: .json),
        .optional("purpose", "probe or drill; null: a customer's", changeable: false),
        .optional("reads_reports", "true or false: whether it opens its tenant's months, and captures of all its keys", form: .json),
        .optional("expires_at", "instant such as 2030-01-31T12:00:00Z"),
        .later("customer_asked", "true: the customer wants less than its contract has", form: .json),
    ]
    static let secret: String? = "secret"
}

enum KeyUses: AdminKind {
    static let path = "key-uses"
    static let noun = "use of a key"
    static let columns: [AdminColumn] = ["last_used_at", "address", "key", "tenant", "first_used_at", "gateway"]
    static let filters: [KindFilter] = ["key", .tenant, "address", .since, .until]
}

/// `plimsoll key-uses list tenant=acme`
struct KeyUsesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key-uses", abstract: "When and from where keys were used, the last 30 days.", subcommands: [ListVerb<KeyUses>.self])
}

struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Customers' keys.",
        subcommands: [
            ListVerb<Keys>.self, GetVerb<Keys>.self, CreateVerb<Keys>.self, UpdateVerb<Keys>.self, RotateKey.self, RevokeVerb<Keys>.self,
        ])
}

/// `plimsoll keys rotate ID --overlap 86400`
struct RotateKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate", abstract: "Gives a key a new secret; the old one stays good for the overlap.",
        discussion: "The key keeps its id, its limits and what was used of them. A second rotation ends the secret before the last.")

    @OptionGroup var options: AdminOptions
    @Argument(help: "Its id.") var reference: String
    @Option(help: "Seconds for which the old secret stays good, at most 30 days.") var overlap = 86_400
    @Option(help: "Why, for the record.") var reason: String?

    func run() async throws {
        try await CommandFailure.reporting {
            var body = JSONObject()
            _ = body.append("overlap_seconds", .integer(Int64(overlap)))
            if let reason { _ = body.append("reason", .string(reason)) }
            let path = "\(Keys.path)/\(AdminClient.escape(reference))/rotate"
            options.show(try await options.client().change("POST", path, .object(body)))
        }
    }
}
