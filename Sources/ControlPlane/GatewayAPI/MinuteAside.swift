import Cryptography
import Domain
import FoundationEssentials
import PlimsollWire
import Postgres

/// Minutes that cannot be counted yet: of a gateway that is newer than this release, or whose clock is ahead. They are kept as they were told, tried again
/// until they can be counted, and are late reports then like any other.
struct MinuteAside: Sendable {
    /// So many of one gateway are kept: two days of a thousand tenants and more, where nobody upgrades.
    private static let most = 3_000_000
    private static let page = 1_000
    private static let pause: TimeInterval = 60

    /// Of the reliability room.
    let pool: PostgresPool

    func put(
        _ found: [(key: MinuteIntake.Key, counters: MinuteCounters, reason: MinuteSorting.Reason)], boot: String, sequence: Int64, _ gateway: UUID
    ) async throws {
        guard !found.isEmpty else { return }
        let newest = Dictionary(found.map { (Self.subject($0.key, $0.counters), $0) }, uniquingKeysWith: { _, last in last }).sorted {
            $0.key < $1.key
        }
        let texts = try newest.map { String(decoding: try WireCoder.encode(ToldMinute($0.value.counters)), as: UTF8.self) }
        try await pool.execute(
            """
            INSERT INTO reliability.minute_aside AS known (gateway_id, boot_id, subject, sequence, reason, counters)
            SELECT \(gateway)::uuid, \(boot)::text, decode(told.subject, 'hex'), \(sequence)::bigint, told.reason, told.counters
            FROM unnest(\(newest.map(\.key))::text[], \(newest.map(\.value.reason.rawValue))::text[], \(texts)::jsonb[])
                AS told (subject, reason, counters)
            WHERE (SELECT count(*) FROM reliability.minute_aside WHERE gateway_id = \(gateway)) < \(Self.most)
            ON CONFLICT (gateway_id, boot_id, subject) DO UPDATE SET sequence = EXCLUDED.sequence, reason = EXCLUDED.reason,
                counters = EXCLUDED.counters
            WHERE known.sequence < EXCLUDED.sequence
            """)
    }

    /// Words and flags of what is unknown may tell one minute from another, as its provider does; counts do not.
    private static func subject(_ key: MinuteIntake.Key, _ counters: MinuteCounters) -> String {
        let others = (counters.unknown ?? [:]).sorted { $0.key < $1.key }.compactMap { name, value in
            switch value {
            case .text(let text): "\(name)=\(text)"
            case .flag(let flag): "\(name)=\(flag)"
            case .null, .integer, .number, .list, .fields: nil as String?
            }
        }
        let names = [key.tenant.lowercased, key.tier, key.model, key.region, key.provider, "\(key.minute)", "\(key.drill)"]
        return Hash.sha256((names + others).joined(separator: "\n")).hex
    }

    private struct Kept {
        var gateway: UUID
        var boot: String
        var sequence: Int64
        var subject: [UInt8]
        var counters: MinuteCounters
    }

    /// Counts what can be counted by now of what was not tried within a minute, or not since this program began. How many these were.
    ///
    /// - Parameter start: Of this program, which may be a newer release than the one that set them aside.
    func retry(since start: Date, now: Date) async throws -> Int {
        var taken = 0
        while true {
            let rows = try await pool.query(
                """
                UPDATE reliability.minute_aside AS aside SET tried_at = \(now) FROM (
                    SELECT gateway_id, boot_id, subject FROM reliability.minute_aside
                    WHERE tried_at < \(start) OR tried_at < \(now.addingTimeInterval(-Self.pause)) ORDER BY tried_at LIMIT \(Self.page)
                    FOR UPDATE SKIP LOCKED) AS due
                WHERE aside.gateway_id = due.gateway_id AND aside.boot_id = due.boot_id AND aside.subject = due.subject
                RETURNING aside.gateway_id, aside.boot_id, aside.sequence, aside.subject, aside.counters::text AS counters
                """)
            taken += try await take(try rows.map(Self.kept), now: now)
            if rows.count < Self.page { return taken }
        }
    }

    private static func kept(_ row: PostgresRow) throws -> Kept {
        Kept(
            gateway: try row.value("gateway_id"), boot: try row.value("boot_id"), sequence: try row.value("sequence"),
            subject: try row.value("subject"),
            counters: try WireCoder.decode(ToldMinute.self, from: Array(try row.value("counters", as: String.self).utf8)).counters)
    }

    /// What is counted is removed after that: who dies between the two counts it once more, which changes nothing.
    private func take(_ kept: [Kept], now: Date) async throws -> Int {
        var taken = 0
        for one in kept {
            let rows = MinuteSorting([one.counters], at: now).rows
            guard !rows.isEmpty else { continue }
            _ = try await MinuteIntake(pool: pool).write(rows, boot: one.boot, sequence: one.sequence, gateway: one.gateway)
            taken += try await pool.execute(
                """
                DELETE FROM reliability.minute_aside WHERE gateway_id = \(one.gateway) AND boot_id = \(one.boot) AND subject = \(one.subject)
                    AND sequence = \(one.sequence)
                """)
        }
        return taken
    }

    func count() async throws -> Int {
        try await pool.queryOne("SELECT count(*) AS count FROM reliability.minute_aside")?.value("count") ?? 0
    }
}
