import Cryptography
import Domain
import FoundationEssentials
import Postgres

/// A tenant's tree of a month as it is stored between two passes of the keeper.
struct TenantTree: Sendable {
    let id: UUID
    let tenant: UUID
    let month: BillingPeriod
    let salt: [UInt8]
    /// First minute without a leaf.
    var next: Int64
    var frontier: MerkleFrontier

    /// As leaves name its tenant.
    var tenantName: String { tenant.uuidString.lowercased() }
    var isComplete: Bool { next == month.minutes.upperBound }
    var tag: SHA256Digest { PublicLogEntry.tag(tenant: tenantName, month: month, salt: salt) }

    static let columns: SQL = """
        id, tenant_id, to_char(month, 'YYYY-MM') AS month, salt, extract(epoch FROM next_at)::bigint / 60 AS next, leaves, peaks
        """

    init(_ row: PostgresRow) throws {
        id = try row.value("id")
        tenant = try row.value("tenant_id")
        salt = try row.value("salt")
        next = try row.value("next")
        let peaks = try Self.digests(row.value("peaks"))
        guard let month = BillingPeriod(try row.value("month", as: String.self)),
            let frontier = MerkleFrontier(count: try row.value("leaves"), peaks: peaks)
        else { throw PostgresError(.decoding, "a tree that is none") }
        self.month = month
        self.frontier = frontier
    }

    static func digests(_ bytes: [UInt8]) -> [SHA256Digest] {
        stride(from: 0, to: bytes.count, by: 32).compactMap { SHA256Digest(bytes: Array(bytes[$0..<min($0 + 32, bytes.count)])) }
    }

    static func bytes(_ digests: [SHA256Digest]) -> [UInt8] { digests.flatMap(\.bytes) }
}

/// Instants of minutes and months, as statements have them.
enum EvidenceTime {
    static func minute(_ minute: Int64) -> SQL { "to_timestamp(\(minute * 60)::bigint)" }

    static func month(_ month: BillingPeriod) -> SQL { "(\("\(month)-01"))::date" }

    /// The UTC day of a minute.
    static func day(_ minute: Int64) -> SQL { "(to_timestamp(\(minute * 60)::bigint) AT TIME ZONE 'UTC')::date" }
}
