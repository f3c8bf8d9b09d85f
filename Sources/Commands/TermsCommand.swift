import ArgumentParser
import HTTPWire

enum Terms: EndingKind {
    static let path = "terms"
    static let noun = "version of terms"
    static let ending = "retire"
    static let endingAbstract = "Lets no new agreement take a version any more."
    static let columns: [AdminColumn] = ["name", "version", "tier", "model", "region", "availability_ppm", "credit_cap_percent", "state", "id"]
    static let filters: [KindFilter] = ["name", "tier", KindFilter("state", "active or retired")]
    static let fields: [KindField] = [
        .required("name", "another version of it is made when it is there", changeable: false),
        .required("title", changeable: false),
        .required("tier", changeable: false),
        .optional("model", "absent: any", changeable: false),
        .optional("region", "absent: any", changeable: false),
        .optional("availability_ppm", "999000 is 99.9 %", form: .json, changeable: false),
        .optional("bad_above_ppm", "a minute is bad above this share of bad requests; absent: with any", form: .json, changeable: false),
        .optional("ttft_threshold_microseconds", form: .json, changeable: false),
        .optional("ttlt_threshold_microseconds", form: .json, changeable: false),
        .optional("credit_counting", "started, full or prorata steps", changeable: false),
        .optional("credit_step_ppm", form: .json, changeable: false),
        .optional("credit_step_percent", form: .json, changeable: false),
        .optional("credit_table", "instead of steps: '[{\"below_ppm\":999000,\"percent\":10}]'", changeable: false),
        .optional("latency_credit_percent", form: .json, changeable: false),
        .optional("latency_per_episode", "true or false: once a month", form: .json, changeable: false),
        .optional("credit_cap_percent", form: .json, changeable: false),
        .optional("exclusions", "list of the six codes; absent: all", form: .json, changeable: false),
        .optional("burst_percent", form: .json, changeable: false),
        .optional("fallback_model", "smaller model that may answer in trouble; absent: none", changeable: false),
        .optional("fallback_quality", "its quality in words, with fallback_model", changeable: false),
        .optional("maintenance_lead_hours", form: .json, changeable: false),
        .optional("maintenance_month_minutes", form: .json, changeable: false),
        .optional("termination_days", form: .json, changeable: false),
        .optional("dispute_days", form: .json, changeable: false),
        .optional("sole_remedy", "true or false", form: .json, changeable: false),
        .optional("time_zone", "such as Europe/Berlin", changeable: false),
        .optional("evidence_days", "that a promise needs", form: .json, changeable: false),
        .optional("reviewed_by_counsel", "name of who reviewed the wording", changeable: false),
        .optional("reviewed_on", "day of it, such as 2026-05-01", changeable: false),
    ]
}

struct TermsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "terms", abstract: "What contracts say, version by version.",
        subcommands: [ListVerb<Terms>.self, GetVerb<Terms>.self, CreateVerb<Terms>.self, EndVerb<Terms>.self, AddendumCommand.self])
}

/// `plimsoll terms addendum ID > addendum.md`
struct AddendumCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "addendum", abstract: "Prints the text to sign, made from a version of terms.")

    @OptionGroup var options: AdminOptions
    @Argument(help: "Id of the version.") var id: String

    func run() async throws { try await Self.show("terms/\(AdminClient.escape(id))/addendum", options) }

    static func show(_ path: String, _ options: AdminOptions) async throws {
        try await CommandFailure.reporting {
            guard options.output == .table else { return options.show(try await options.client().get(path)) }
            print(try await options.client().page("admin/v1/\(path)/text"), terminator: "")
        }
    }
}

/// `plimsoll agreements addendum ID > acme.md`
struct AgreementAddendumCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "addendum", abstract: "Prints the text to sign with one customer: the terms, and what was agreed with this one alone.")

    @OptionGroup var options: AdminOptions
    @Argument(help: "Id of the agreement.") var id: String

    func run() async throws { try await AddendumCommand.show("agreements/\(AdminClient.escape(id))/addendum", options) }
}

enum Agreements: AdminKind {
    static let path = "agreements"
    static let noun = "agreement"
    static let columns: [AdminColumn] = [
        "id", "tenant", "terms_name", "model", "region", "state", "starts_at", "ends_at", "monthly_minimum_micro_usd",
        "stops_fallback_of",
    ]
    static let filters: [KindFilter] = [.tenant, "model", "region", KindFilter("state", "proposed, active or ended")]
    static let fields: [KindField] = [
        .required("tenant", "id or name", changeable: false),
        .required("terms", "id, or name for the newest version", changeable: false),
        .required("model", changeable: false),
        .required("region", changeable: false),
        .optional("monthly_minimum_micro_usd", "absent: of the tier where no other agreement of the tenant has one", form: .json, changeable: false),
        .optional("starts_at", "absent: now", changeable: false),
        .optional("maintenance_weekday", "1 Monday to 7 Sunday; absent: every day", form: .json, changeable: false),
        .optional("maintenance_from_minute", "of the day; absent: any time", form: .json, changeable: false),
        .optional("maintenance_until_minute", "not behind the beginning: of the next day", form: .json, changeable: false),
        .optional("override_reason", "why it is promised although the evidence does not support it; two others approve", changeable: false),
    ]
}

struct AgreementsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agreements", abstract: "Terms promised to tenants.",
        subcommands: [
            ListVerb<Agreements>.self, GetVerb<Agreements>.self, CreateVerb<Agreements>.self, ApproveVerb<Agreements>.self, EndAgreement.self,
            AgreementAddendumCommand.self,
        ])
}

/// `plimsoll agreements end ID --grounds by_agreement`
struct EndAgreement: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "end", abstract: "Ends an agreement, with the notice that its terms ask for or on grounds for an earlier end.")

    enum Grounds: String, ExpressibleByArgument, CaseIterable {
        case byAgreement = "by_agreement"
        case forCause = "for_cause"
    }

    @OptionGroup var options: AdminOptions
    @Argument(help: "Its id.") var reference: String
    @Option(help: "When, such as 2030-02-01T00:00:00Z; absent: now.") var at: String?
    @Option(help: "Why it may end before the notice of its terms is over.") var grounds: Grounds?
    @Option(help: "Why, for the record.") var reason: String?

    func run() async throws {
        try await CommandFailure.reporting {
            var body = JSONObject()
            for (name, text) in [("ends_at", at), ("grounds", grounds?.rawValue), ("reason", reason)] {
                if let text { _ = body.append(name, .string(text)) }
            }
            options.show(try await options.client().change("POST", "agreements/\(AdminClient.escape(reference))/end", .object(body)))
        }
    }
}

enum Credits: AdminKind {
    static let path = "credits"
    static let noun = "credit"
    static let columns: [AdminColumn] = [
        "month", "tenant", "version", "current", "status", "amount_cents", AdminColumn("leaves complete", "evidence.complete"),
        "computed_at", "id",
    ]
    static let filters: [KindFilter] = [.tenant, "agreement", "month", KindFilter("status", "none, issued, carried or provisional")]
}

struct CreditsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "credits", abstract: "What months give back, with the arithmetic.",
        subcommands: [ListVerb<Credits>.self, GetVerb<Credits>.self, ComputeCredit.self, WaitingCreditsCommand.self])
}

enum WaitingCredits: AdminKind {
    static let path = "waiting-credits"
    static let noun = "month that waits for its credit"
    static let columns: [AdminColumn] = ["month", "tenant", "model", "region", "since", "tries", "tried_at", "reason", "agreement"]
    static let filters: [KindFilter] = [.tenant, "agreement", "month", KindFilter("failing", "yes: tried in vain; or no")]
}

struct WaitingCreditsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "waiting", abstract: "Months whose credit is to be computed, and why it could not be.",
        subcommands: [ListVerb<WaitingCredits>.self])
}

/// `plimsoll credits compute AGREEMENT 2026-06`
struct ComputeCredit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compute", abstract: "Computes a month of an agreement from what is stored.",
        discussion: "The same inputs give the version that there is; others make a new one beside it.")

    @OptionGroup var options: AdminOptions
    @Argument(help: "Id of the agreement.") var agreement: String
    @Argument(help: "Month, such as 2026-06.") var month: String

    func run() async throws {
        try await CommandFailure.reporting {
            let path = "agreements/\(AdminClient.escape(agreement))/credits/compute"
            options.show(try await options.client().change("POST", path, .members(("month", .string(month)))))
        }
    }
}
