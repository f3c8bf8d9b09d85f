import ArgumentParser

enum EnrolmentTokenKind: AdminKind {
    static let path = "enrolment-tokens"
    static let noun = "enrolment token"
    static let columns: [AdminColumn] = ["id", "role", "pool", "region", "state", "expires_at", "consumed_by"]
    static let filters: [KindFilter] = [KindFilter("role", "agent or gateway"), "pool"]
    static let fields: [KindField] = [
        .required("role", "agent or gateway", changeable: false),
        .optional("pool", "for agents, which need it", changeable: false),
        .optional("region", "for gateways, which need it", changeable: false),
        .optional("expires_in_seconds", "60 to 86400", form: .json, changeable: false),
    ]
    static let secret: String? = "token"
}

struct EnrolmentTokensCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enrolment-tokens", abstract: "One-use tokens with which hosts and gateways join.",
        subcommands: [
            ListVerb<EnrolmentTokenKind>.self, GetVerb<EnrolmentTokenKind>.self, CreateVerb<EnrolmentTokenKind>.self,
            RevokeVerb<EnrolmentTokenKind>.self,
        ], aliases: ["enrolment"])
}
