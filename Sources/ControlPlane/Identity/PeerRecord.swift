import Cryptography
import FoundationEssentials
import Postgres

/// What the database knows about the identity of a host or gateway.
struct PeerRecord: Sendable {
    enum State: String, Sendable {
        case active
        case locked
        case revoked
    }

    let id: UUID
    let role: PeerIdentity.Role
    let state: State
    let region: String
    let joinState: Int
    let certificate: [UInt8]?
    let previousCertificate: [UInt8]?
    /// The newest certificate has been shown by somebody.
    let isSeen: Bool

    /// The row, locked until the transaction ends; nil when there is none or for a role that has none.
    static func lock(_ connection: PostgresConnection, role: PeerIdentity.Role, id: UUID) async throws -> PeerRecord? {
        let columns: SQL = """
            state, region, join_state, certificate_sha256, previous_certificate_sha256, certificate_seen_at IS NOT NULL AS seen
            """
        guard let table = table(of: role),
            let row = try await connection.queryOne("SELECT \(columns) FROM \(table) WHERE id = \(id) FOR UPDATE")
        else { return nil }
        guard let state = State(rawValue: try row.value("state")) else { throw PostgresError(.decoding, "no such state of an identity") }
        return PeerRecord(
            id: id, role: role, state: state, region: try row.value("region"), joinState: try row.value("join_state"),
            certificate: try row.value("certificate_sha256"), previousCertificate: try row.value("previous_certificate_sha256"),
            isSeen: try row.value("seen"))
    }

    static func table(of role: PeerIdentity.Role) -> SQL? {
        switch role {
        case .agent: "serving.hosts"
        case .gateway: "serving.gateways"
        case .control: nil
        }
    }

    static func kind(of role: PeerIdentity.Role) -> String {
        role == .agent ? "host" : role.rawValue
    }

    /// Nil for an identity that may act.
    static func refusal(for state: State) -> PeerRefusal? {
        switch state {
        case .active: nil
        case .locked: PeerRefusal(.identityLocked, "this identity is locked: it was used from two machines. Enrol again with a new token")
        case .revoked: PeerRefusal(.identityRevoked, "this identity was revoked")
        }
    }
}
