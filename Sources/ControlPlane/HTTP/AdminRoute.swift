package import HTTPTypes
import FoundationEssentials
import Postgres

/// What a token's role allows. Nothing is allowed that is not named here.
package enum AdminPermission: String, Sendable, CaseIterable {
    /// Look at everything but tokens.
    case read
    /// Change everything but tokens.
    case operate
    /// Make, see and revoke admin tokens.
    case administer
}

package enum AdminRole: String, Sendable, CaseIterable {
    case owner
    case `operator`
    case viewer

    package var permissions: Set<AdminPermission> {
        switch self {
        case .owner: [.read, .operate, .administer]
        case .operator: [.read, .operate]
        case .viewer: [.read]
        }
    }
}

/// Who asks: the holder of an admin token.
package struct AdminActor: Sendable {
    let tokenId: UUID
    let name: String
    let role: AdminRole

    /// As audit rows and reasons name it.
    var label: String { "token:\(tokenId.uuidString.lowercased())" }
}

/// One request as a route's work sees it.
struct AdminCall: Sendable {
    let actor: AdminActor
    let requestId: String
    let parameters: [String: String]
    let query: [String: String]

    /// The `{id}` of the path.
    var reference: String { parameters["id"] ?? "" }

    /// For requests that have no parameters.
    func refuseQuery() throws {
        if let name = query.keys.min() { throw AdminRefusal.fault(name, "is not a parameter of this request") }
    }
}

/// An answer; JSON where nothing else is said.
struct AdminAnswer: Sendable {
    var status: HTTPResponse.Status = .ok
    var body: String
    var isReplayed = false
    var contentType = "application/json"
}

/// What a change did. The frame around it writes the audit row and the saved answer in the same transaction.
struct AdminChange: Sendable {
    var status: HTTPResponse.Status = .ok
    /// JSON object.
    var document: String
    /// Shown in this answer and never again, nor stored.
    var secret: (name: String, value: String)?
    var action: String
    var subjectKind: String
    var subjectId: String
    /// Fields of the body that the audit row leaves out.
    var unaudited: Set<String> = []
}

/// A method and path of the admin API, who may use it, and what it does.
package struct AdminRoute: Sendable {
    enum Work: Sendable {
        case read(@Sendable (AdminCall, ControlDatabases) async throws -> AdminAnswer)
        case change(@Sendable (AdminCall, inout FieldReader, PostgresConnection) async throws -> AdminChange)
        /// A change that reads what its own room cannot see.
        case wideChange(@Sendable (AdminCall, inout FieldReader, PostgresConnection, ControlDatabases) async throws -> AdminChange)
    }

    package let method: HTTPRequest.Method
    /// With placeholders as OpenAPI writes them, such as `/admin/v1/tenants/{id}`.
    package let path: String
    package let permission: AdminPermission
    let work: Work

    /// Such as `POST`.
    package var methodName: String { method.rawValue }

    static func read(
        _ path: String, _ permission: AdminPermission = .read, _ work: @escaping @Sendable (AdminCall, ControlDatabases) async throws -> AdminAnswer
    ) -> AdminRoute {
        AdminRoute(method: .get, path: "/admin/v1/" + path, permission: permission, work: .read(work))
    }

    static func change(
        _ method: HTTPRequest.Method, _ path: String, _ permission: AdminPermission = .operate,
        _ work: @escaping @Sendable (AdminCall, inout FieldReader, PostgresConnection) async throws -> AdminChange
    ) -> AdminRoute {
        AdminRoute(method: method, path: "/admin/v1/" + path, permission: permission, work: .change(work))
    }

    /// A change within the connection's transaction, after a look into other rooms.
    static func wideChange(
        _ method: HTTPRequest.Method, _ path: String, _ permission: AdminPermission = .operate,
        _ work: @escaping @Sendable (AdminCall, inout FieldReader, PostgresConnection, ControlDatabases) async throws -> AdminChange
    ) -> AdminRoute {
        AdminRoute(method: method, path: "/admin/v1/" + path, permission: permission, work: .wideChange(work))
    }

    /// The same for holders of another permission.
    func needing(_ permission: AdminPermission) -> AdminRoute { AdminRoute(method: method, path: path, permission: permission, work: work) }
}

extension AdminRoute {
    /// The same change, made and judged by a guard within its transaction.
    func guarded(
        _ guarding: @escaping @Sendable (AdminCall, PostgresConnection, () async throws -> AdminChange) async throws -> AdminChange
    ) -> AdminRoute {
        guard case .change(let work) = work else { preconditionFailure("what is guarded is changed within one transaction") }
        return AdminRoute(
            method: method, path: path, permission: permission,
            work: .change { call, fields, connection in
                var reader = fields
                let done = try await guarding(call, connection) { try await work(call, &reader, connection) }
                fields = reader
                return done
            })
    }
}
