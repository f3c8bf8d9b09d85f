import ArgumentParser

enum Tokens: AdminKind {
    static let path = "tokens"
    static let noun = "admin token"
    static let columns: [AdminColumn] = ["id", "name", "role", "prefix", "expires_at", "revoked_at"]
    static let filters: [String] = []
}

struct TokensCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokens", abstract: "Tokens of administrators.",
        subcommands: [ListVerb<Tokens>.self, GetVerb<Tokens>.self, CreateVerb<Tokens>.self, RevokeVerb<Tokens>.self])
}
