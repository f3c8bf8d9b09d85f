import Domain
import FoundationEssentials
import HTTPTypes
package import Hummingbird
package import Logging
import PlimsollWire
import Postgres
import Telemetry

/// A customer's month for whoever holds a link to it: as a page, as JSON, the times of its incidents, and its evidence. A link that does not count, whatever
/// is wrong with it, is not there.
package struct ReportPages: Sendable {
    private let databases: ControlDatabases
    private let signer: EvidenceSigner?
    private let render: TenantReport.Render
    private let logger: Logger

    package init(databases: ControlDatabases, signer: EvidenceSigner?, logger: Logger, render: @escaping TenantReport.Render) {
        self.databases = databases
        self.signer = signer
        self.render = render
        self.logger = logger
    }

    private struct Opened {
        let tenant: UUID
        let month: BillingPeriod
    }

    package func addRoutes(to router: Router<AdminContext>) {
        let documents: [(RouterPath, @Sendable (Opened, String) async throws -> AdminAnswer)] = [
            ("/reports/:secret", page), ("/reports/:secret/report.json", report), ("/reports/:secret/incidents.csv", incidents),
            ("/reports/:secret/month.evidence", evidence),
        ]
        for (path, work) in documents {
            for method in [HTTPRequest.Method.get, .head] {
                router.on(path, method: method) { request, context in
                    let answer = await answer(context.parameters.get("secret") ?? "", work)
                    return response(answer, isHead: request.method == .head)
                }
            }
        }
    }

    private func answer(_ secret: String, _ work: (Opened, String) async throws -> AdminAnswer) async -> AdminAnswer {
        do {
            guard let opened = try await opened(secret) else { throw AdminRefusal.notFound }
            return try await work(opened, secret)
        } catch {
            let refusal = (error as? AdminRefusal) ?? (error as? PostgresError).map { AdminRefusal($0) } ?? .failed
            if refusal.status.code >= 500 { logger.error("A report was not shown", metadata: [LogKeys.code: "\(errorCode(error))"]) }
            return AdminAnswer(status: refusal.status, body: refusal.message + "\n", contentType: "text/plain; charset=utf-8")
        }
    }

    private func opened(_ secret: String) async throws -> Opened? {
        guard ReportSecret.mayExist(secret) else { return nil }
        let row = try await databases.reliability.queryOne(
            """
            SELECT tenant_id, to_char(month, 'YYYY-MM') AS month FROM reliability.report_link
            WHERE sha256 = \(ReportSecret.hash(secret)) AND revoked_at IS NULL AND expires_at > now()
            """)
        guard let row, let month = BillingPeriod(try row.value("month", as: String.self)) else { return nil }
        return Opened(tenant: try row.value("tenant_id"), month: month)
    }

    /// Addresses on it are relative to its own, so that it works behind any proxy.
    private func page(_ opened: Opened, _ secret: String) async throws -> AdminAnswer {
        let month = try WireCoder.decode(TenantMonth.self, from: try await TenantReport.of(opened.tenant, opened.month, databases).utf8)
        var downloads = [("Report as JSON", "\(secret)/report.json"), ("Incidents as CSV", "\(secret)/incidents.csv")]
        if signer != nil, month.evidence?.complete == true { downloads.append(("Evidence to verify", "\(secret)/month.evidence")) }
        return AdminAnswer(body: render(month, downloads), contentType: "text/html; charset=utf-8")
    }

    private func report(_ opened: Opened, _: String) async throws -> AdminAnswer {
        AdminAnswer(body: try await TenantReport.of(opened.tenant, opened.month, databases))
    }

    private func incidents(_ opened: Opened, _: String) async throws -> AdminAnswer {
        AdminAnswer(
            body: try await TenantReport.incidents(opened.tenant, opened.month, databases).csv, contentType: "text/csv; charset=utf-8")
    }

    private func evidence(_ opened: Opened, _: String) async throws -> AdminAnswer {
        let row = try await databases.reliability.queryOne(
            """
            SELECT \(TenantTree.columns) FROM reliability.evidence_tree
            WHERE tenant_id = \(opened.tenant) AND month = \(EvidenceTime.month(opened.month))
            """)
        guard let signer, let row else { throw AdminRefusal.notFound }
        let bundle = try await BundleMaker(databases: databases, signer: signer).make(try TenantTree(row))
        return AdminAnswer(body: bundle, contentType: "text/plain; charset=utf-8")
    }

    /// The address is the secret: nobody may keep or tell it.
    private func response(_ answer: AdminAnswer, isHead: Bool) -> Response {
        var headers: HTTPFields = [:]
        for (name, value) in StatusAnswer.fields(contentType: answer.contentType, tag: "\"\"") where !["etag", "cache-control"].contains(name) {
            if name.hasPrefix("access-control") { continue }
            if let name = HTTPField.Name(name) { headers[name] = value }
        }
        headers[.cacheControl] = "private, no-store"
        if let name = HTTPField.Name("x-robots-tag") { headers[name] = "noindex, nofollow" }
        headers[.contentLength] = String(answer.body.utf8.count)
        return Response(
            status: answer.status, headers: headers, body: isHead ? ResponseBody() : ResponseBody(byteBuffer: ByteBuffer(string: answer.body)))
    }
}
