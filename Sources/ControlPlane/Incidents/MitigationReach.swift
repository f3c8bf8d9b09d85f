import Domain
import FoundationEssentials
import Postgres

/// Follows mitigations from the decision to the gateways. One is in force when every gateway that is connected serves from a routing table that has
/// it: gateways say which one that is when they ask for the next. One that raises the worker count is none of theirs: it is in force when its scaler
/// took it.
struct MitigationReach: Sendable {
    /// A gateway asks at least every 25 s; one that has not for so long is not connected.
    private static let connected: TimeInterval = 40
    /// Within which a decision is to be in all gateways' tables.
    static let promised: TimeInterval = 5

    let connection: PostgresConnection
    let now: Date

    /// After which it is no longer expected at any moment.
    private static let soon: TimeInterval = 30

    /// Looks where each is that is not everywhere yet, and writes into timelines what is new. True: one may be there at any moment.
    @discardableResult
    func follow() async throws -> Bool {
        try await connection.execute(
            """
            INSERT INTO reliability.mitigation_reach (mitigation_id, table_version)
            SELECT mitigation.id, entry.version FROM reliability.mitigation AS mitigation
            JOIN serving.routing_table_entry AS entry ON entry.key = 'mitigation/' || mitigation.id AND entry.value IS NOT NULL
            WHERE mitigation.state = 'active' AND mitigation.mode IN ('automatic', 'manual')
            ON CONFLICT (mitigation_id) DO NOTHING
            """)
        let rows = try await connection.query(
            """
            SELECT mitigation.id, mitigation.incident_id, mitigation.created_at, reach.connected, reach.reached, reach.late_at, gateway.connected AS now_connected,
                gateway.reached AS now_reached, \(MitigationTarget.columns)
            FROM reliability.mitigation_reach AS reach JOIN reliability.mitigation AS mitigation ON mitigation.id = reach.mitigation_id
            CROSS JOIN LATERAL (SELECT count(*) AS connected, count(*) FILTER (WHERE table_version >= reach.table_version) AS reached
                FROM serving.gateways WHERE state = 'active' AND last_seen_at > \(now.addingTimeInterval(-Self.connected))) AS gateway
            WHERE reach.in_force_at IS NULL AND mitigation.state = 'active'
            """)
        var isExpected = try await isOnItsWay()
        for row in rows {
            let isThere = try await note(row)
            isExpected = try isExpected || (!isThere && now.timeIntervalSince(row.value("created_at")) < Self.soon)
        }
        return isExpected
    }

    /// One was decided, and no table has it yet.
    private func isOnItsWay() async throws -> Bool {
        let row = try await connection.queryOne(
            """
            SELECT EXISTS (SELECT 1 FROM reliability.mitigation AS mitigation
                WHERE mitigation.state = 'active' AND mitigation.mode IN ('automatic', 'manual') AND mitigation.action <> 'raise_workers'
                    AND mitigation.created_at > \(now.addingTimeInterval(-Self.soon))
                    AND NOT EXISTS (SELECT 1 FROM reliability.mitigation_reach AS reach WHERE reach.mitigation_id = mitigation.id)) AS yes
            """)
        return try row?.value("yes") ?? false
    }

    /// True: it is in force.
    private func note(_ row: PostgresRow) async throws -> Bool {
        let (connected, reached): (Int64, Int64) = (try row.value("now_connected"), try row.value("now_reached"))
        let isInForce = connected > 0 && reached == connected
        let wasLate = try row.value("late_at", as: Date?.self) != nil
        let isLate = try !isInForce && !wasLate && now.timeIntervalSince(row.value("created_at")) > Self.promised
        let known: (Int64, Int64) = (try row.value("connected"), try row.value("reached"))
        guard isInForce || isLate || known != (connected, reached) else { return false }
        try await connection.execute(
            """
            UPDATE reliability.mitigation_reach SET connected = \(connected), reached = \(reached),
                in_force_at = CASE WHEN \(isInForce) THEN \(now)::timestamptz END, late_at = CASE WHEN \(isLate) THEN \(now)::timestamptz ELSE late_at END
            WHERE mitigation_id = \(try row.value("id", as: UUID.self))
            """)
        guard isInForce || isLate, let incident = try row.value("incident_id", as: UUID?.self), let target = try MitigationTarget(row) else {
            return isInForce
        }
        let words = isInForce ? "in force at" : "after \(Int(Self.promised)) s in force only at"
        try await IncidentBook(connection: connection, now: now).note(
            incident, "mitigation", "\(words) \(reached) of \(connected) gateways: \(target.text)")
        return isInForce
    }

    /// When the first mitigation of these incidents was in force, at all gateways or with a scaler; nil: none was.
    ///
    /// - Parameter since: Of those that were made then or later; nil: of all.
    static func firstInForce(_ incidents: [String], since: Date? = nil) -> SQL {
        """
        (SELECT min(coalesce(reach.in_force_at, raise.ended_at)) FROM reliability.mitigation AS mitigation
            LEFT JOIN reliability.mitigation_reach AS reach ON reach.mitigation_id = mitigation.id
            LEFT JOIN reliability.capacity_order AS raise
                ON raise.mitigation_id = mitigation.id AND raise.event = 'raise' AND raise.state = 'delivered'
            WHERE mitigation.incident_id = ANY(\(incidents)::uuid[]) AND coalesce(mitigation.created_at >= \(since), true))
        """
    }
}
