import Cryptography
import Domain
package import FoundationEssentials
import HTTPTypes
package import Logging
import Postgres
import Telemetry

/// The administrators' API without its transport: who asks, may they, do it, and what to answer.
package struct AdminAPI: Sendable {
    private let databases: ControlDatabases
    private let logger: Logger
    /// Every route of this API, in the order of its document.
    package let routes: [AdminRoute]

    /// - Parameters:
    ///   - signer: Signs bundles of evidence; nil: there are none.
    ///   - publicURL: Where customers reach the public port, without a slash at its end; nil: there are no links for them.
    ///   - report: Makes the page of a tenant's month.
    ///   - now: Which day it is, for what is told of whole days.
    package init(
        databases: ControlDatabases, tokens: EnrolmentTokens, signer: EvidenceSigner? = nil, logger: Logger,
        publicURL: String? = nil,
        report: @escaping TenantReport.Render = { _, _ in "" }, now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.databases = databases
        self.logger = logger
        routes = AdminRoutes.all(tokens: tokens, signer: signer, publicURL: publicURL, report: report, now: now, logger: logger)
    }

    struct Request: Sendable {
        var authorization: String?
        var idempotencyKey: String?
        var requestId: String
        var parameters: [String: String]
        var query: [String: String]
        var body: [UInt8]
    }

    /// Never throws: what goes wrong is an answer.
    func answer(_ route: AdminRoute, _ request: Request) async -> AdminAnswer {
        do {
            let actor = try await authenticate(request.authorization)
            guard actor.role.permissions.contains(route.permission) else {
                throw AdminRefusal(.forbidden, .permission, code: "not_allowed", "a \(actor.role.rawValue) token may not do this")
            }
            let call = AdminCall(actor: actor, requestId: request.requestId, parameters: request.parameters, query: request.query)
            switch route.work {
            case .read(let work):
                return try await work(call, databases)
            case .change(let work):
                try call.refuseQuery()
                return try await AdminTransaction(pool: databases.serving, route: route, call: call, body: request.body)
                    .run(key: request.idempotencyKey, work)
            case .wideChange(let work):
                try call.refuseQuery()
                return try await AdminTransaction(pool: databases.serving, route: route, call: call, body: request.body)
                    .run(key: request.idempotencyKey) { call, fields, connection in try await work(call, &fields, connection, databases) }
            }
        } catch {
            return refusal(error, route, request.requestId)
        }
    }

    /// One answer for every token that does not count, whatever is wrong with it.
    private func authenticate(_ authorization: String?) async throws -> AdminActor {
        guard let authorization, authorization.lowercased().hasPrefix("bearer ") else { throw AdminRefusal.unauthorized }
        let token = authorization.dropFirst(7)
        guard KeyFormat.mayExist(token) else { throw AdminRefusal.unauthorized }
        let row = try await databases.serving.queryOne(
            """
            SELECT id, name, role FROM serving.admin_tokens
            WHERE sha256 = \(Hash.sha256(token).bytes) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
            """)
        guard let row, let role = AdminRole(rawValue: try row.value("role")) else { throw AdminRefusal.unauthorized }
        return AdminActor(tokenId: try row.value("id"), name: try row.value("name"), role: role)
    }

    private func refusal(_ error: any Error, _ route: AdminRoute, _ requestId: String) -> AdminAnswer {
        let refusal = (error as? AdminRefusal) ?? (error as? PostgresError).map { AdminRefusal($0) } ?? .failed
        if refusal.status.code >= 500 {
            logger.error(
                "Admin request failed",
                metadata: [
                    LogKeys.route: "\(route.path)", LogKeys.requestId: "\(requestId)", LogKeys.code: "\(errorCode(error))",
                    LogKeys.sqlState: "\((error as? PostgresError)?.sqlState ?? "")",
                ])
        }
        return AdminAnswer(status: refusal.status, body: refusal.body)
    }
}
