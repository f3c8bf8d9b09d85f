import ArgumentParser
import HTTPWire

enum Budgets: AdminKind {
    static let path = "budgets"
    static let noun = "budget"
    static let columns: [AdminColumn] = [
        "kind", "tier", "model", "region", "total", "bad", "consumed", "remaining", "hours_left", "unmeasured_minutes", "rolling_consumed", "verdict",
        "freeze_state",
    ]
    static let filters: [KindFilter] = [
        .tenant, "tier", "model", "region", KindFilter("kind", "availability, ttft_p95, ttlt_p95, error_rate or rate_429"),
        KindFilter("freeze_state", "normal, caution or frozen"),
    ]
}

enum BudgetEntries: AdminKind {
    static let path = "budget-entries"
    static let noun = "budget entry"
    static let columns: [AdminColumn] = ["minute_at", "kind", "tier", "model", "region", "amount", "status", "cause", "detail"]
    static let filters: [KindFilter] = [
        .tenant, "tier", "model", "region", KindFilter("kind", "availability, ttft_p95, ttlt_p95, error_rate or rate_429"),
        KindFilter("cause", "deployment, provider_swap, maintenance or unexpected"), .since, .until,
    ]
}

enum BurnAlerts: AdminKind {
    static let path = "burn-alerts"
    static let noun = "burn alert"
    static let columns: [AdminColumn] = [
        "opened_at", "severity", "kind", "tier", "model", "region", "long_seconds", "burn", "threshold", "bad", "total", "closed_at",
    ]
    static let filters: [KindFilter] = ["kind", KindFilter("severity", "page or ticket"), "model", "region", .since, .until]
}

struct BudgetsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "budgets", abstract: "How each objective stands: what of its budget is spent.", subcommands: [ListVerb<Budgets>.self])
}

struct BudgetEntriesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "budget-entries", abstract: "The ledger of what budgets lost, with the causes: bad minutes, late tokens, errors, refusals.",
        subcommands: [ListVerb<BudgetEntries>.self])
}

struct BurnAlertsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "burn-alerts", abstract: "Budgets that are, or were, spent too fast.", subcommands: [ListVerb<BurnAlerts>.self])
}

/// `plimsoll freeze model=tiny`
struct FreezeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "freeze", abstract: "Shows whether spent budgets hold changes up.",
        discussion: "Filters: model, region, tier. Leave for a security fix or a P0: plimsoll freeze-passes.")

    @OptionGroup var options: AdminOptions
    @Argument(help: "Filters as name=value.") var filters: [String] = []

    func validate() throws {
        try FieldAssignment.parse(filters).check(["model", "region", "tier"], "filter of freeze")
    }

    func run() async throws {
        try await CommandFailure.reporting {
            let query = try FieldAssignment.parse(filters).map { "\($0.name)=\(AdminClient.escape($0.text))" }.joined(separator: "&")
            let answer = try await options.client().get(query.isEmpty ? "freeze" : "freeze?\(query)")
            guard options.output == .table else { return options.show(answer) }
            print(answer["state"]?.string ?? "")
            let budgets = answer["budgets"]?.array ?? []
            if !budgets.isEmpty { options.show(budgets, columns: Budgets.columns, empty: "") }
        }
    }
}

enum FreezePasses: AdminKind {
    static let path = "freeze-passes"
    static let noun = "freeze pass"
    static let columns: [AdminColumn] = [
        "id", "kind", "change", "model", "region", "tier", "reason", "requested_by", "approved_by", "expires_at", "uses",
    ]
    static let filters: [KindFilter] = [KindFilter("kind", "security or p0")]
    static let fields: [KindField] = [
        .required("kind", "security or p0", changeable: false),
        .optional("change", "deployment, provider_swap, price or objective; absent: any", changeable: false),
        .optional("model", changeable: false),
        .optional("region", changeable: false),
        .optional("tier", changeable: false),
        .required("reason", changeable: false),
        .optional("seconds", "how long it is good; an hour when absent", form: .json, changeable: false),
    ]
}

struct FreezePassesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "freeze-passes", abstract: "Leave to change something although a budget is spent; one asks, another approves.",
        subcommands: [
            ListVerb<FreezePasses>.self, GetVerb<FreezePasses>.self, CreateVerb<FreezePasses>.self, ApproveVerb<FreezePasses>.self,
        ])
}
