import ArgumentParser

enum EnrolmentTokenKind: AdminKind {
    static let path = "enrolment-tokens"
    static let noun = "enrolment token"
    static let columns: [AdminColumn] = ["id", "role", "pool", "region", "state", "expires_at", "consumed_by"]
    static let filters: [String] = ["role", "pool"]
}

struct EnrolmentTokensCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enrolment-tokens", abstract: "One-use tokens with which hosts and gateways join.",
        subcommands: [
            ListVerb<EnrolmentTokenKind>.self, GetVerb<EnrolmentTokenKind>.self, CreateVerb<EnrolmentTokenKind>.self,
            RevokeVerb<EnrolmentTokenKind>.self,
        ], aliases: ["enrolment"])
}
