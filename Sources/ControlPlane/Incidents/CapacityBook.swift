import Domain
import FoundationEssentials
import Postgres

/// What scalers are told of an order.
enum CapacityEvent: String, Sendable, CaseIterable {
    /// Start so many workers.
    case raise
    /// They are needed until later.
    case extend
    /// They are not needed any more.
    case release
}

/// The outbox of what scalers are told, each in the transaction of what it tells. An order is a mitigation that raises the worker count.
struct CapacityBook: Sendable {
    /// A scaler that would not take an order is not asked for the same again for so long, unless somebody changed it.
    private static let rest: TimeInterval = 86_400

    let connection: PostgresConnection
    let now: Date

    /// Of a row `mitigation`: its scaler would not take it or not keep it up, or may not be asked any more.
    static let isRefused: SQL = """
        EXISTS (SELECT 1 FROM reliability.capacity_order AS message JOIN reliability.scaler AS scaler ON scaler.id = message.scaler_id
            WHERE message.mitigation_id = mitigation.id AND message.event <> 'release' AND (message.state IN ('refused', 'dead')
                OR message.event = 'raise' AND message.state = 'pending' AND scaler.state <> 'active'))
        """

    /// Of a row `mitigation`: the scaler that would not take it lately.
    static func refusedLately(_ now: Date) -> SQL {
        """
        (SELECT message.scaler_id FROM reliability.capacity_order AS message JOIN reliability.scaler AS scaler ON scaler.id = message.scaler_id
            WHERE message.mitigation_id = mitigation.id AND message.event <> 'release' AND message.state IN ('refused', 'dead')
                AND message.ended_at > greatest(\(now.addingTimeInterval(-rest))::timestamptz, scaler.updated_at) LIMIT 1)
        """
    }

    func raise(_ mitigation: UUID, _ order: WorkerOrder) async throws {
        try await connection.execute(
            """
            INSERT INTO reliability.capacity_order (mitigation_id, scaler_id, event, workers, expires_at, created_at, next_attempt_at)
            SELECT id, \(UUID(uuidString: order.scaler.id)), 'raise', \(order.workers), expires_at, \(now), \(now)
            FROM reliability.mitigation WHERE id = \(mitigation)
            """)
    }

    /// Until the mitigation's end, where it orders anything. A message that nobody has heard yet tells of the new end itself.
    func extend(_ mitigation: UUID) async throws {
        let untold = try await connection.execute(
            """
            UPDATE reliability.capacity_order AS message SET expires_at = mitigation.expires_at FROM reliability.mitigation AS mitigation
            WHERE mitigation.id = \(mitigation) AND message.mitigation_id = mitigation.id AND message.state = 'pending' AND message.attempts = 0
            """)
        guard untold == 0 else { return }
        try await connection.execute(
            """
            INSERT INTO reliability.capacity_order (mitigation_id, scaler_id, event, workers, expires_at, created_at, next_attempt_at)
            SELECT mitigation.id, raise.scaler_id, 'extend', raise.workers, mitigation.expires_at, \(now), \(now)
            FROM reliability.mitigation AS mitigation JOIN reliability.capacity_order AS raise ON raise.mitigation_id = mitigation.id
            WHERE mitigation.id = \(mitigation) AND mitigation.state = 'active' AND raise.event = 'raise' AND raise.state IN ('pending', 'delivered')
            """)
    }

    /// Ends what these ordered. What has not been taken yet is told to nobody any more, and who cannot have heard of the order hears of no release.
    func release(_ mitigations: [UUID]) async throws {
        let ids = mitigations.map(\.lowercased)
        guard !ids.isEmpty else { return }
        // A statement of its own: a try that begins meanwhile holds the row, and the next statement sees that it began.
        try await connection.execute(
            """
            UPDATE reliability.capacity_order SET state = 'dropped', ended_at = \(now)
            WHERE mitigation_id = ANY(\(ids)::uuid[]) AND state = 'pending' AND event <> 'release'
            """)
        try await connection.execute(
            """
            INSERT INTO reliability.capacity_order (mitigation_id, scaler_id, event, workers, expires_at, created_at, next_attempt_at)
            SELECT mitigation_id, scaler_id, 'release', workers, \(now), \(now), \(now) FROM reliability.capacity_order
            WHERE mitigation_id = ANY(\(ids)::uuid[]) AND event = 'raise' AND attempts > CASE WHEN state = 'refused' THEN 1 ELSE 0 END
            ON CONFLICT (mitigation_id, event) WHERE event <> 'extend' DO NOTHING
            """)
    }

    /// Tells once more what was given up: a release at any time, the rest while the mitigation is in force. False: it is over.
    func retry(_ message: UUID) async throws -> Bool {
        // Held until this is committed: who takes the mitigation back meanwhile must see what is on its way again.
        try await connection.execute(
            """
            SELECT id FROM reliability.mitigation WHERE id = (SELECT mitigation_id FROM reliability.capacity_order WHERE id = \(message)) FOR UPDATE
            """)
        // One try is on its record: the scaler may have heard of it.
        let changed = try await connection.execute(
            """
            UPDATE reliability.capacity_order AS message SET state = 'pending', attempts = 1, next_attempt_at = \(now), ended_at = NULL
            FROM reliability.mitigation AS mitigation, reliability.scaler AS scaler
            WHERE message.id = \(message) AND message.state IN ('refused', 'dead') AND mitigation.id = message.mitigation_id
                AND (message.event = 'release' OR mitigation.state = 'active') AND scaler.id = message.scaler_id AND scaler.state <> 'deleted'
            """)
        return changed == 1
    }
}
