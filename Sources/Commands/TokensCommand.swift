import ArgumentParser

enum Tokens: AdminKind {
    static let path = "tokens"
    static let noun = "admin token"
    static let columns: [AdminColumn] = ["id", "name", "role", "prefix", "expires_at", "revoked_at"]
    static let fields: [KindField] = [
        .required("name", changeable: false),
        .required("role", "owner, operator or viewer", changeable: false),
        .optional("expires_at", "instant such as 2030-01-31T12:00:00Z", changeable: false),
    ]
    static let secret: String? = "secret"
}

struct TokensCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokens", abstract: "Tokens of administrators.",
        subcommands: [ListVerb<Tokens>.self, GetVerb<Tokens>.self, CreateVerb<Tokens>.self, RevokeVerb<Tokens>.self])
}
