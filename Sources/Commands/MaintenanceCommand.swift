import ArgumentParser

enum MaintenanceWindows: EndingKind {
    static let path = "maintenance-windows"
    static let noun = "maintenance window"
    static let ending = "cancel"
    static let endingAbstract = "Cancels maintenance, or ends it now when it has begun."
    static let columns: [AdminColumn] = ["starts_at", "ends_at", "model", "region", "title", "lead_seconds", "state", "id"]
    static let filters: [KindFilter] = [KindFilter("state", "scheduled, cancelled or completed"), "model", "region", .since, .until]
    static let fields: [KindField] = [
        .optional("model", "absent: all", changeable: false),
        .optional("region", "absent: all", changeable: false),
        .required("title", "customers read it", changeable: false),
        .required("reason", changeable: false),
        .required("starts_at", "a whole minute; contracts want 72 hours' notice", changeable: false),
        .required("ends_at", changeable: false),
    ]
}

struct MaintenanceWindowsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "maintenance-windows", abstract: "Scheduled maintenance.",
        subcommands: [
            ListVerb<MaintenanceWindows>.self, GetVerb<MaintenanceWindows>.self, CreateVerb<MaintenanceWindows>.self,
            EndVerb<MaintenanceWindows>.self,
        ])
}

enum Exclusions: EndingKind {
    static let path = "exclusions"
    static let noun = "exclusion"
    static let ending = "withdraw"
    static let endingAbstract = "Withdraws an exclusion, for what is computed from now on."
    static let columns: [AdminColumn] = ["starts_at", "ends_at", "tenant", "model", "region", "code", "reason", "effective", "id"]
    static let filters: [KindFilter] = [.tenant, "code", "model", "region", .since, .until]
    static let fields: [KindField] = [
        .optional("tenant", "id or name; absent: all", changeable: false),
        .optional("model", changeable: false),
        .optional("region", changeable: false),
        .required("code", "customer_network, over_quota, force_majeure, over_limit or misuse; maintenance has windows", changeable: false),
        .required("reason", changeable: false),
        .required("starts_at", "a whole minute", changeable: false),
        .required("ends_at", changeable: false),
        .optional("published", "true or false; force majeure must be", form: .json, changeable: false),
    ]
}

struct ExclusionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exclusions", abstract: "Time that contracts leave out; one asks, others approve.",
        subcommands: [
            ListVerb<Exclusions>.self, GetVerb<Exclusions>.self, CreateVerb<Exclusions>.self, ApproveVerb<Exclusions>.self, EndVerb<Exclusions>.self,
        ])
}
