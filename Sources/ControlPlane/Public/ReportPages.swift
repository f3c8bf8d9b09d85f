import Domain
import FoundationEssentials
import HTTPTypes
package import Hummingbird
package import Logging
import PlimsollWire
import Postgres
import Telemetry

/// A customer's month for whoever holds a link to it, or a key of the customer that may read its months: as a page, as JSON, the times of its incidents, and its
/// evidence. A link that does not count, whatever is wrong with it, is not there.
package struct ReportPages: Sendable {
    private let databases: ControlDatabases
    private let signer: EvidenceSigner?
    private let render: TenantReport.Render
    private let logger: Logger
    private let failedKeys = FailedKeys()

    package init(databases: ControlDatabases, signer: EvidenceSigner?, logger: Logger, render: @escaping TenantReport.Render) {
        self.databases = databases
        self.signer = signer
        self.render = render
        self.logger = logger
    }

    private struct Opened {
        let tenant: UUID
        let month: BillingPeriod
        /// What addresses of downloads begin with, relative to the page's own, and end with.
        let downloads: (before: String, after: String)
    }

    private typealias Work = @Sendable (Opened) async throws -> AdminAnswer

    package func addRoutes(to router: Router<AdminContext>) {
        let documents: [(path: String, work: Work)] = [
            ("", page), ("/report.json", report), ("/incidents.csv", incidents), ("/month.evidence", evidence),
        ]
        for (path, work) in documents {
            let (linked, own) = (RouterPath("/reports/:secret\(path)"), RouterPath("/tenant/v1\(path.isEmpty ? "/report" : path)"))
            for method in [HTTPRequest.Method.get, .head] {
                router.on(linked, method: method) { request, context in
                    let answer = await answer(work) { try await opened(context.parameters.get("secret") ?? "") }
                    return response(answer, isHead: request.method == .head)
                }
                router.on(own, method: method) { request, context in
                    let answer = await answer(work) { try await opened(request, context) }
                    return response(answer, isHead: request.method == .head)
                }
            }
        }
    }

    private func answer(_ work: Work, _ open: () async throws -> Opened) async -> AdminAnswer {
        do {
            return try await work(try await open())
        } catch {
            let refusal = (error as? AdminRefusal) ?? (error as? PostgresError).map { AdminRefusal($0) } ?? .failed
            if refusal.status.code >= 500 { logger.error("A report was not shown", metadata: [LogKeys.code: "\(errorCode(error))"]) }
            return AdminAnswer(status: refusal.status, body: refusal.message + "\n", contentType: "text/plain; charset=utf-8")
        }
    }

    private func opened(_ secret: String) async throws -> Opened {
        guard ReportSecret.mayExist(secret) else { throw AdminRefusal.notFound }
        let row = try await databases.reliability.queryOne(
            """
            SELECT tenant_id, to_char(month, 'YYYY-MM') AS month FROM reliability.report_link
            WHERE sha256 = \(ReportSecret.hash(secret)) AND revoked_at IS NULL AND expires_at > now()
            """)
        guard let row, let month = BillingPeriod(try row.value("month", as: String.self)) else { throw AdminRefusal.notFound }
        return Opened(tenant: try row.value("tenant_id"), month: month, downloads: (secret + "/", ""))
    }

    /// By a key, the month that is asked for; without one the present month.
    private func opened(_ request: Request, _ context: AdminContext) async throws -> Opened {
        let key = try await ReportKey.read(request.headers, peer: context.peerAddress, failed: failedKeys, databases.serving)
        let present = BillingPeriod(microseconds: Int64(Date().timeIntervalSince1970) * 1_000_000)
        let wanted = request.uri.queryParameters["month"].map { BillingPeriod(String($0)) } ?? present
        guard let month = wanted else { throw AdminRefusal.fault("month", "must be a month such as 2030-01") }
        return Opened(tenant: key.tenant, month: month, downloads: ("", "?month=\(month)"))
    }

    /// Addresses on it are relative to its own, so that it works behind any proxy.
    private func page(_ opened: Opened) async throws -> AdminAnswer {
        let month = try WireCoder.decode(TenantMonth.self, from: try await TenantReport.of(opened.tenant, opened.month, databases).utf8)
        var downloads = [("Report as JSON", "report.json"), ("Incidents as CSV", "incidents.csv")]
        if signer != nil, month.evidence?.complete == true { downloads.append(("Evidence to verify", "month.evidence")) }
        let (before, after) = opened.downloads
        return AdminAnswer(body: render(month, downloads.map { ($0.0, before + $0.1 + after) }), contentType: "text/html; charset=utf-8")
    }

    private func report(_ opened: Opened) async throws -> AdminAnswer {
        AdminAnswer(body: try await TenantReport.of(opened.tenant, opened.month, databases))
    }

    private func incidents(_ opened: Opened) async throws -> AdminAnswer {
        AdminAnswer(
            body: try await TenantReport.incidents(opened.tenant, opened.month, databases).csv, contentType: "text/csv; charset=utf-8")
    }

    private func evidence(_ opened: Opened) async throws -> AdminAnswer {
        let row = try await databases.reliability.queryOne(
            """
            SELECT \(TenantTree.columns) FROM reliability.evidence_tree
            WHERE tenant_id = \(opened.tenant) AND month = \(EvidenceTime.month(opened.month))
            """)
        guard let signer, let row else { throw AdminRefusal.notFound }
        let bundle = try await BundleMaker(databases: databases, signer: signer).make(try TenantTree(row))
        return AdminAnswer(body: bundle, contentType: "text/plain; charset=utf-8")
    }

    /// The address may be the secret: nobody may keep or tell it.
    private func response(_ answer: AdminAnswer, isHead: Bool) -> Response {
        var headers: HTTPFields = [:]
        for (name, value) in StatusAnswer.fields(contentType: answer.contentType, tag: "\"\"") where !["etag", "cache-control"].contains(name) {
            if name.hasPrefix("access-control") { continue }
            if let name = HTTPField.Name(name) { headers[name] = value }
        }
        headers[.cacheControl] = "private, no-store"
        if answer.status == .unauthorized { headers[.wwwAuthenticate] = "Bearer" }
        if answer.status == .tooManyRequests { headers[.retryAfter] = "60" }
        if let name = HTTPField.Name("x-robots-tag") { headers[name] = "noindex, nofollow" }
        headers[.contentLength] = String(answer.body.utf8.count)
        return Response(
            status: answer.status, headers: headers, body: isHead ? ResponseBody() : ResponseBody(byteBuffer: ByteBuffer(string: answer.body)))
    }
}
