import Domain
import FoundationEssentials
import HTTPTypes
import Postgres

/// What an agreement adds to its terms: between whom, for what, from when on, and what was agreed with this customer alone.
struct AgreedFacts: Sendable {
    let customer: String
    let agreement: Agreement

    private static let days = ["Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays"]

    func markdown(_ terms: TermsVersion) -> String {
        let end = agreement.ends.map { "until \(UTCMinute.text($0))" } ?? "on"
        var lines = [
            "- Customer: \(customer).",
            "- For the model `\(agreement.model)` in the region `\(agreement.region)`, from \(UTCMinute.text(agreement.starts)) \(end).",
            "- Monthly minimum: USD \(Ratio(agreement.monthlyMinimumMicroUsd, 1_000_000).shortDecimal(places: 6)).",
        ]
        if terms.exclusions.contains(Maintenance.code) {
            lines.append("- Agreed window for maintenance: \(window), in the time zone \(terms.timeZone).")
        }
        return (lines + (agreement.limits?.lines ?? [])).joined(separator: "\n")
    }

    private var window: String {
        guard let window = agreement.window else { return "any time" }
        let until = "\(Self.clock(window.until))\(window.until > window.from ? "" : " of the next day")"
        return "\(window.weekday.map { Self.days[($0 - 1) % 7] } ?? "every day"), \(Self.clock(window.from)) to \(until)"
    }

    private static func clock(_ minute: Int) -> String { "\(minute / 600)\(minute / 60 % 10):\(minute % 60 / 10)\(minute % 10)" }
}

/// The text to sign with one customer.
enum AgreementAddendum {
    /// Alone: to be printed, or kept as a file.
    static let text = AdminRoute.read("agreements/{id}/addendum/text") { call, databases in
        AdminAnswer(body: try await read(call, databases).markdown, contentType: "text/markdown; charset=utf-8")
    }

    /// The same in a JSON document.
    static let document = AdminRoute.read("agreements/{id}/addendum") { call, databases in
        let (terms, markdown) = try await read(call, databases)
        return AdminAnswer(body: Addendum.document(terms, markdown))
    }

    private static func read(_ call: AdminCall, _ databases: ControlDatabases) async throws -> (terms: TermsVersion, markdown: String) {
        try call.refuseQuery()
        guard let id = UUID(uuidString: call.reference),
            let row = try await databases.serving.queryOne("SELECT \(Agreement.columns) FROM reliability.agreement WHERE id = \(id)")
        else { throw AdminRefusal.notFound }
        let agreement = try Agreement(row)
        let customer = try await databases.serving.queryOne("SELECT display_name FROM serving.tenants WHERE id = \(agreement.tenant)")
        guard let terms = try await TermsVersion.read(agreement.terms, { try await databases.serving.queryOne($0) }),
            let name = try customer?.value("display_name", as: String.self)
        else { throw AdminRefusal.notFound }
        return (terms, Addendum.markdown(terms, agreed: AgreedFacts(customer: name, agreement: agreement)))
    }
}
