import FoundationEssentials
import HTTPTypes
import PlimsollWire
import Postgres

/// Whoever asks about captures: the holder of a key, and how far that key's word goes.
struct CaptureHolder {
    let tenant: UUID
    let key: UUID
    /// It may read what is its whole tenant's: requests of other keys, and captures that these have made.
    let readsAll: Bool

    static let refusal = AdminRefusal(
        .forbidden, .permission, code: "permission_denied",
        "requests of all keys of a tenant are only for a key that may read its reports (reads_reports)")

    /// Throws `notFound` for a key that is none any more; a gateway hears of that a moment later.
    ///
    /// - Parameter locked: It stays as it is until the transaction ends.
    static func find(_ call: CaptureCall, locked: Bool = false, _ run: (SQL) async throws -> PostgresRow?) async throws -> CaptureHolder {
        guard let tenant = UUID(uuidString: call.tenant), let key = UUID(uuidString: call.key) else { throw AdminRefusal.notFound }
        let lock: SQL = locked ? "FOR SHARE" : ""
        let row = try await run(
            "SELECT reads_reports FROM serving.api_keys WHERE id = \(key) AND tenant_id = \(tenant) AND revoked_at IS NULL \(lock)")
        guard let row else { throw AdminRefusal.notFound }
        return CaptureHolder(tenant: tenant, key: key, readsAll: try row.value("reads_reports"))
    }

    /// Of captures `r`: those that it hears of and may erase.
    var captures: SQL {
        readsAll ? "r.tenant_id = \(tenant)" : "r.tenant_id = \(tenant) AND r.key_id = \(key)"
    }

    /// Of captures `r` that it hears of: whether it may read what is kept. Of one that it made for all keys it may not when its right is gone.
    var isReader: SQL {
        readsAll ? "TRUE" : "r.key_only"
    }
}
