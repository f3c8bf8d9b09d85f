import FoundationEssentials
import Postgres

/// What makes the capacity policy `preallocated`: a share of the slots of every worker that no other tier may hold.
enum TierReservation {
    /// Gateways tell so many ranks of tiers apart, the last of which lesser ones share.
    private static let ranks = 4
    /// Per cent of slots that are left for those who have nothing of their own.
    private static let leastLeft = 10

    static func check(_ connection: PostgresConnection, tier id: UUID) async throws {
        let row = try await connection.queryOne(
            """
            SELECT tier.capacity_policy = 'preallocated' AS reserves, tier.reserved_percent,
                (SELECT sum(other.reserved_percent) FROM serving.tiers AS other WHERE other.state = 'active') AS reserved,
                (SELECT sum(other.burst_percent) FROM serving.tiers AS other WHERE other.state = 'active') AS kept
            FROM serving.tiers AS tier WHERE tier.id = \(id)
            """)
        guard let row else { return }
        let (reserves, percent): (Bool, Int) = (try row.value("reserves"), try row.value("reserved_percent"))
        guard reserves == (percent > 0) else {
            throw AdminRefusal.fault(
                "reserved_percent", reserves ? "must be given: it is what preallocated means" : "is only for the capacity policy preallocated")
        }
        let (reserved, kept): (Int, Int) = (try row.value("reserved"), try row.value("kept"))
        guard reserved == 0 || reserved + kept <= 100 - leastLeft else {
            throw AdminRefusal.fault(
                percent > 0 ? "reserved_percent" : "burst_percent",
                "with what all tiers reserve (\(reserved)) and keep for bursts (\(kept)) less than \(leastLeft) per cent would be left")
        }
        try await checkPriorities(connection)
    }

    /// Slots are told apart by the rank of who holds them.
    private static func checkPriorities(_ connection: PostgresConnection) async throws {
        let blurred: SQL = """
            SELECT tier.name FROM serving.tiers AS tier WHERE tier.state = 'active' AND tier.reserved_percent > 0
            AND ((SELECT count(*) FROM serving.tiers AS other WHERE other.state = 'active' AND other.priority = tier.priority) > 1
                OR (SELECT count(DISTINCT other.priority) FROM serving.tiers AS other
                    WHERE other.state = 'active' AND other.priority > tier.priority) > \(ranks - 2))
            LIMIT 1
            """
        if let row = try await connection.queryOne(blurred) {
            throw AdminRefusal.fault(
                "priority",
                "the preallocated tier \(try row.value("name", as: String.self)) needs a priority of its own, below at most \(ranks - 2) others")
        }
    }
}
