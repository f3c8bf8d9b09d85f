import ArgumentParser

enum Tenants: AdminKind {
    static let path = "tenants"
    static let noun = "tenant"
    static let columns: [AdminColumn] = ["id", "name", "display_name", "tier", "state", "created_at"]
    static let filters: [KindFilter] = ["tier", KindFilter("state", "active or suspended")]
    static let fields: [KindField] = [
        .required("name", "lower-case letters, digits, dots, dashes, underscores", changeable: false),
        .required("display_name"),
        .required("tier"),
        .optional("allowed_regions", "list, such as [\"eu\"]; empty: everywhere", form: .json),
        .optional("anomaly_throttle_ppm", "share of the limits of a minute while it behaves unlike itself; null: an alarm alone", form: .json),
        .optional("masking", "warn, secrets, personal or all: what no host sees of its prompts; null: nothing"),
        .optional("allowed_addresses", "list of ranges such as 192.0.2.0/24; null: everywhere", form: .json),
        .optional("allowed_trust_classes", "list of standard and trusted; null: all", form: .json),
        .optional("tokens_per_day", "null: the tier's", form: .json),
        .optional("tokens_per_month", form: .json),
        .optional("spend_per_month_micro_usd", "10^-6 US dollars", form: .json),
        .later("state", "active or suspended"),
    ]
}

struct TenantsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tenants", abstract: "Customers.",
        subcommands: [
            ListVerb<Tenants>.self, GetVerb<Tenants>.self, CreateVerb<Tenants>.self, UpdateVerb<Tenants>.self, DeleteVerb<Tenants>.self,
            TenantReportCommand.self,
        ])
}

/// `plimsoll tenants report acme --month 2030-01`
struct TenantReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "A month of a tenant: availability in both views, latency, errors, days, incidents.")

    @OptionGroup var options: AdminOptions
    @Argument(help: "Id or name.") var tenant: String
    @Option(help: "Such as 2030-01; the present one without it.") var month: String?

    func run() async throws {
        try await CommandFailure.reporting {
            let query = month.map { "?month=\(AdminClient.escape($0))" } ?? ""
            print(JSONPrinter.pretty(try await options.client().get("tenants/\(AdminClient.escape(tenant))/report\(query)")))
        }
    }
}
