import ArgumentParser
import HTTPWire

enum Mitigations: AdminKind {
    static let path = "mitigations"
    static let noun = "mitigation"
    static let columns: [AdminColumn] = [
        "id", "action", "mode", "state", "tier", "model", "region", "provider", "pool", "cause", "cost_micro_usd_per_hour",
        "refused_requests_per_hour", "lessened_requests_per_hour", "shortened_tokens_per_hour", "scaler", "workers", "order_state",
        "answers_scored", "answer_score_ppm", "created_at", "in_force_at", "expires_at", "pinned",
    ]
    static let filters: [KindFilter] = [
        KindFilter("state", "active, reverted, expired, vetoed, proposed, done or declined"),
        KindFilter("mode", "automatic, manual, dry_run or proposal"), "action", "incident", .since, .until,
    ]
    /// What an action may be about besides tier, model and region.
    static let target: [KindField] = [
        .optional("provider", changeable: false),
        .optional("worker", "id", changeable: false),
        .optional("pool", changeable: false),
        .optional("release", changeable: false),
        .optional("tenant", "id", changeable: false),
        .optional("to_model", changeable: false),
        .optional("to_region", changeable: false),
    ]
    static let fields: [KindField] =
        [
            .required("action", "such as drain_provider, warm_pool, backup_region, cap_output, shed_tier", changeable: false),
            .required("reason", "for the record", changeable: false),
            .optional("tier", changeable: false),
            .optional("model", changeable: false),
            .optional("region", "of the gateways that carry it out; of the workers, for drain_provider", changeable: false),
        ] + target + [
            .optional(
                "value", "tokens, per cent of a worker's slots, parts per million of a tenant's limits, or how many workers", form: .json,
                changeable: false),
            .optional("seconds", "after which it ends by itself, at most a week; 3600, for roll_back_image a week", form: .json, changeable: false),
            .optional("incident", "id of the incident that it is for", changeable: false),
        ]
}

struct MitigationsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mitigations", abstract: "What is done about trouble, by the policy or by hand.",
        subcommands: [
            ListVerb<Mitigations>.self, GetVerb<Mitigations>.self, RunMitigation.self, PinMitigation.self, VetoMitigation.self,
            RevertMitigation.self, CloseProposal.self, ShowPlan.self, MitigationPolicyCommand.self, MitigationVetoesCommand.self,
        ])
}

/// `plimsoll mitigations run action=cap_output tier=hobby value=256 reason='the region is short'`
struct RunMitigation: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Does by hand what the policy could; the policy leaves it alone.",
        discussion: KindHelp.creation(Mitigations.self))

    @OptionGroup var options: AdminOptions
    @Argument(help: "Fields as name=value.") var fields: [String]

    func validate() throws {
        try FieldAssignment.parse(fields).check(Mitigations.fields.map(\.name), "field of a mitigation")
    }

    func run() async throws {
        try await CommandFailure.reporting {
            let body = FieldAssignment.document(try FieldAssignment.parse(fields), Mitigations.fields)
            options.show(try await options.client().create(Mitigations.self, body))
        }
    }
}

/// One mitigation.
struct MitigationReference: ParsableArguments {
    @OptionGroup var options: AdminOptions
    @Argument(help: "Its id.") var id: String

    func change(_ verb: String, _ members: [(String, JSONValue)]) async throws {
        try await CommandFailure.reporting {
            let body = members.reduce(into: JSONObject()) { object, member in _ = object.append(member.0, member.1) }
            options.show(try await options.client().change("POST", "\(Mitigations.path)/\(AdminClient.escape(id))/\(verb)", .object(body)))
        }
    }
}

/// `plimsoll mitigations pin ID --hours 12`
struct PinMitigation: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "pin", abstract: "Keeps the policy from taking it back.")

    @OptionGroup var mitigation: MitigationReference
    @Option(help: "For so long at least.") var hours = 24

    func run() async throws { try await mitigation.change("pin", [("hours", .integer(Int64(hours)))]) }
}

/// `plimsoll mitigations veto ID --reason '…'`
struct VetoMitigation: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "veto", abstract: "Takes it back, and keeps the policy from doing it again for a while.")

    @OptionGroup var mitigation: MitigationReference
    @Option(help: "Why, for the record.") var reason: String
    @Option(help: "For so long.") var minutes = 1_440

    func run() async throws {
        try await mitigation.change("veto", [("reason", .string(reason)), ("minutes", .integer(Int64(minutes)))])
    }
}

/// `plimsoll mitigations revert ID --reason '…'`
struct RevertMitigation: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revert", abstract: "Takes it back now; the policy may do it again when its holding time is over.")

    @OptionGroup var mitigation: MitigationReference
    @Option(help: "Why, for the record.") var reason: String

    func run() async throws { try await mitigation.change("revert", [("reason", .string(reason))]) }
}

/// `plimsoll mitigations close ID done --reason '…'`
struct CloseProposal: AsyncParsableCommand {
    enum State: String, ExpressibleByArgument, CaseIterable {
        case done
        case declined
    }

    static let configuration = CommandConfiguration(commandName: "close", abstract: "Says what became of a proposal.")

    @OptionGroup var mitigation: MitigationReference
    @Argument(help: "done or declined.") var state: State
    @Option(help: "Why, for the record.") var reason: String

    func run() async throws {
        try await mitigation.change("close", [("state", .string(state.rawValue)), ("reason", .string(reason))])
    }
}

/// `plimsoll mitigations plan`
struct ShowPlan: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Shows what the policy would do at this moment, whatever its mode.")

    @OptionGroup var options: AdminOptions

    func run() async throws {
        try await CommandFailure.reporting {
            let answer = try await options.client().get("mitigation-plan")
            options.show(
                answer["decisions"]?.array ?? [], columns: ["decision", "what", "cost", "incident", "mitigation", "veto"], empty: "nothing to do")
        }
    }
}

/// `plimsoll mitigations policy mode=dry_run`
struct MitigationPolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Shows how the policy may act, or changes that.",
        discussion: "Fields: mode (off, dry_run, act), most, apply_seconds, hold_seconds, clean_minutes, life_seconds.")

    private static let fields: [KindField] =
        [.optional("mode")]
        + ["most", "apply_seconds", "hold_seconds", "clean_minutes", "life_seconds"].map { .optional($0, form: .json) }

    @OptionGroup var options: AdminOptions
    @Argument(help: "Fields as name=value.") var fields: [String] = []

    func validate() throws {
        try FieldAssignment.parse(fields).check(Self.fields.map(\.name), "field of the policy")
    }

    func run() async throws {
        try await CommandFailure.reporting {
            let given = try FieldAssignment.parse(fields)
            let client = try options.client()
            guard !given.isEmpty else { return options.show(try await client.get("mitigation-policy")) }
            options.show(try await client.change("PATCH", "mitigation-policy", FieldAssignment.document(given, Self.fields)))
        }
    }
}
