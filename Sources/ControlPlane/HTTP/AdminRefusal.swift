package import HTTPTypes
import Postgres

/// Why an administrator's request is refused, as it is told: a status, a code for programs, a message and every fault by its field.
package struct AdminRefusal: Error, Sendable, CustomStringConvertible {
    package enum Kind: String, Sendable {
        case invalidRequest = "invalid_request_error"
        case authentication = "authentication_error"
        case permission = "permission_error"
        case server = "api_error"
    }

    package struct Fault: Sendable, Equatable {
        package let param: String
        package let message: String
    }

    package let status: HTTPResponse.Status
    package let kind: Kind
    package let code: String
    package let message: String
    package let faults: [Fault]

    package init(_ status: HTTPResponse.Status, _ kind: Kind = .invalidRequest, code: String, _ message: String, faults: [Fault] = []) {
        self.status = status
        self.kind = kind
        self.code = code
        self.message = message
        self.faults = faults
    }

    package var description: String { "\(code): \(message)" }

    /// Faults in fields; the message names them all.
    static func faults(_ faults: [Fault]) -> AdminRefusal {
        let message = faults.map { "\($0.param): \($0.message)" }.joined(separator: "; ")
        return AdminRefusal(.badRequest, code: "invalid_value", message, faults: faults)
    }

    static func fault(_ param: String, _ message: String) -> AdminRefusal { faults([Fault(param: param, message: message)]) }

    static func conflict(_ code: String, _ message: String, param: String? = nil) -> AdminRefusal {
        AdminRefusal(.conflict, code: code, message, faults: param.map { [Fault(param: $0, message: message)] } ?? [])
    }

    static let notFound = AdminRefusal(.notFound, code: "not_found", "there is nothing of that name or id")
    static let unauthorized = AdminRefusal(
        .unauthorized, .authentication, code: "invalid_token", "the admin token is missing, unknown, expired or revoked")
    static let unavailable = AdminRefusal(
        .serviceUnavailable, .server, code: "unavailable",
        "the database did not confirm this; try again later, with the same idempotency key if it was a change")
    static let failed = AdminRefusal(.internalServerError, .server, code: "internal_error", "the request failed here")

    /// `{"error":{"type":…,"code":…,"message":…,"param":…,"faults":[…]}}`
    var body: String {
        let faultTexts = faults.map { "{\"param\":\(AdminJSON.string($0.param)),\"message\":\(AdminJSON.string($0.message))}" }
        let param = faults.first.map { AdminJSON.string($0.param) } ?? "null"
        return "{\"error\":{\"type\":\(AdminJSON.string(kind.rawValue)),\"code\":\(AdminJSON.string(code)),"
            + "\"message\":\(AdminJSON.string(message)),\"param\":\(param),\"faults\":[\(faultTexts.joined(separator: ","))]}}"
    }
}

extension AdminRefusal {
    /// What a failure of the database means to the caller. Constraints are named `<table>_<field>_<kind>`, so their names tell the field.
    init(_ error: PostgresError) {
        let field = Self.field(of: error.constraint)
        switch error.code {
        case .uniqueViolation:
            self = .conflict("already_exists", "this \(field) is taken", param: field)
        case .foreignKeyViolation:
            self = .fault(field, "does not exist")
        case .checkViolation, .notNullViolation, .invalidData:
            self = .fault(field, "is missing, out of range or does not fit the other fields")
        case .serializationFailure, .deadlock:
            self = .conflict("busy", "somebody else changed the same thing; try again")
        case .other, .decoding, .invalidUse, .migrationRefused:
            self = .failed
        default:
            self = .unavailable
        }
    }

    private static func field(of constraint: String?) -> String {
        let endings = ["_fkey", "_key", "_check"]
        guard var name = constraint?.split(separator: "_", maxSplits: 1).last.map(String.init) else { return "body" }
        // Tables of two words keep their second word after the split.
        for table in ["keys_", "weights_", "tokens_"] where name.hasPrefix(table) { name.removeFirst(table.count) }
        for ending in endings where name.hasSuffix(ending) { name.removeLast(ending.count) }
        // A key's hash is how the schema knows its value.
        if name == "sha256" { return "value" }
        return name.isEmpty ? "body" : name
    }
}
