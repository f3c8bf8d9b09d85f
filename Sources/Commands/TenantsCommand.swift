import ArgumentParser
import FoundationEssentials
import HTTPWire
import Program

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
        .later("customer_asked", "true: the customer wants less than its contract has", form: .json),
    ]
}

struct TenantsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tenants", abstract: "Customers.",
        subcommands: [
            ListVerb<Tenants>.self, GetVerb<Tenants>.self, CreateVerb<Tenants>.self, UpdateVerb<Tenants>.self, DeleteVerb<Tenants>.self,
            TenantReportCommand.self, TenantIncidentsCommand.self,
        ])
}

enum ReportLinks: AdminKind {
    static let path = "report-links"
    static let noun = "link to a report"
    static let columns: [AdminColumn] = ["id", "tenant", "month", "expires_at", "revoked_at", "created_by"]
    static let filters: [KindFilter] = [.tenant]
    static let fields: [KindField] = [
        .required("tenant", "id or name", changeable: false),
        .optional("month", "such as 2030-01; the present one without it", changeable: false),
        .optional("days", "how long it opens the report, 1 to 400; 30", form: .json, changeable: false),
    ]
    static let secret: String? = "url"
}

struct ReportLinksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report-links", abstract: "Links by which customers see a month of their own without an account.",
        subcommands: [ListVerb<ReportLinks>.self, GetVerb<ReportLinks>.self, CreateVerb<ReportLinks>.self, RevokeVerb<ReportLinks>.self])
}

/// `plimsoll tenants report acme --month 2030-01 --html acme-2030-01.html`
struct TenantReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "A month of a tenant: availability in both views, latency, errors, budget, days, incidents, what was left out, credits, evidence.")

    @OptionGroup var options: AdminOptions
    @Argument(help: "Id or name.") var tenant: String
    @Option(help: "Such as 2030-01; the present one without it.") var month: String?
    @Option(help: "A file to write it to as a page with charts, which needs no network and prints well.") var html: String?
    @Flag(help: "Makes a link for the customer instead, shown once: whoever has it sees this month, and nothing else, until it expires.")
    var link = false
    @Option(help: "Days that the link is good for, 1 to 400.") var days = 30

    func validate() throws {
        guard (1...400).contains(days) else { throw ValidationError("--days must be from 1 to 400") }
        guard !link || html == nil else { throw ValidationError("--link and --html exclude each other") }
    }

    func run() async throws {
        try await CommandFailure.reporting {
            guard !link else { return try await makeLink(try options.client()) }
            let query = month.map { "?month=\(AdminClient.escape($0))" } ?? ""
            let (client, path) = (try options.client(), "tenants/\(AdminClient.escape(tenant))/report")
            guard let html else { return print(JSONPrinter.pretty(try await client.get("\(path)\(query)"))) }
            let page = try await LateProgress.over("fetching the report") { _ in try await client.page("admin/v1/\(path)/page\(query)") }
            do {
                try Data(page.utf8).write(to: URL(filePath: html))
            } catch {
                throw CommandFailure(.refused, "\(html) cannot be written", cause: error)
            }
        }
    }

    private func makeLink(_ client: AdminClient) async throws {
        var wish = JSONObject()
        _ = wish.append("tenant", .string(tenant))
        if let month { _ = wish.append("month", .string(month)) }
        _ = wish.append("days", .integer(Int64(days)))
        let made = try await client.create(ReportLinks.self, .object(wish))
        guard options.output == .table else { return options.show(made) }
        print(PrintableText.clean(made["url"]?.string ?? ""))
        let (id, end) = (AdminColumn.text(made["id"]), AdminColumn.text(made["expires_at"]))
        ProgramExit.complain("good until \(end); plimsoll report-links revoke \(id) ends it before")
    }
}

/// `plimsoll tenants incidents acme --month 2030-01 --csv`
struct TenantIncidentsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "incidents", abstract: "Times of a month in which a tenant felt incidents, without names of providers, to hand out.")

    @OptionGroup var options: AdminOptions
    @Argument(help: "Id or name.") var tenant: String
    @Option(help: "Such as 2030-01; the present one without it.") var month: String?
    @Flag(help: "Lines for a spreadsheet instead of JSON.") var csv = false

    func run() async throws {
        try await CommandFailure.reporting {
            let parts = [month.map { "month=\(AdminClient.escape($0))" }, csv ? "format=csv" : nil].compactMap(\.self)
            let query = parts.isEmpty ? "" : "?" + parts.joined(separator: "&")
            let (client, path) = (try options.client(), "tenants/\(AdminClient.escape(tenant))/incidents/export\(query)")
            guard csv else { return print(JSONPrinter.pretty(try await client.get(path))) }
            print(try await client.page("admin/v1/\(path)"), terminator: "")
        }
    }
}
