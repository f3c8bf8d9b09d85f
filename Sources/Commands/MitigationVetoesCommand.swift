import ArgumentParser

enum MitigationVetoes: EndingKind {
    static let path = "mitigations/vetoes"
    static let noun = "veto"
    static let ending = "withdraw"
    static let endingAbstract = "Takes a veto back: the policy may do again what it held."
    static let columns: [AdminColumn] = [
        "id", "state", "action", "tier", "model", "region", "provider", "worker", "pool", "release", "tenant", "reason", "requested_by", "expires_at",
    ]
    static let filters: [KindFilter] = [KindFilter("state", "active, expired or withdrawn"), "action"]
    static let fields: [KindField] =
        [
            .required("action", "such as drain_provider, throttle_tenant, raise_limit", changeable: false),
            .required("reason", "for the record", changeable: false),
            .optional("tier", "what is not named is all of it", changeable: false),
            .optional("model", changeable: false),
            .optional("region", changeable: false),
        ] + Mitigations.target + [
            .optional("minutes", "for so long, at most 90 days; 1440", form: .json, changeable: false)
        ]
}

/// `plimsoll mitigations vetoes create action=drain_provider provider=alpha minutes=10080 reason='they move racks this week'`
struct MitigationVetoesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vetoes", abstract: "What the policy may not do, said beforehand.",
        subcommands: [
            ListVerb<MitigationVetoes>.self, GetVerb<MitigationVetoes>.self, CreateVerb<MitigationVetoes>.self, EndVerb<MitigationVetoes>.self,
        ])
}
