import FoundationEssentials
import PlimsollWire
import Postgres

/// Adds what starts of gateways told to the sums of all of them. Beside the sums stands, as it was told, what each start told last of each minute: what
/// comes again or too late is known by it, and the sums can be made anew of it. Both change in one transaction, one at a time in the whole installation.
struct MinuteMerge: Sendable {
    /// Of a start of a gateway, with the number of its batch.
    struct Told: Sendable {
        var gateway: UUID
        var boot: String
        var sequence: Int64
        var rows: MinuteRows

        var count: Int { rows.values.reduce(0) { $0 + $1.count } }
    }

    /// Of what was told, so many are written at once: each has all of its minute, and a gateway that was cut off tells of hundreds.
    private static let atOnce = 10

    /// Of the reliability room.
    let pool: PostgresPool

    /// How many counters of each were newer than what was known.
    func store(_ group: [Told]) async throws -> [Int] {
        try await pool.transaction { connection in
            try await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('minutes', 0))")
            var merging = Merging(group, known: try await ToldMinutes.read(Set(group.flatMap(\.origins)), connection))
            var page = try merging.next(Self.atOnce)
            while !page.isEmpty {
                // While the database writes a page the next one is added up.
                let statements = page
                async let written = connection.pipeline(statements)
                let next = try merging.next(Self.atOnce)
                _ = try await written
                page = next
            }
            try await MinuteSumRows.add(merging.sums, connection)
            return merging.counts
        }
    }
}

/// Adds up what a group of batches tells, one start of a gateway after the other.
private struct Merging {
    private let group: [MinuteMerge.Told]
    private var known: [ToldMinutes.Origin: ToldMinutes]
    /// Of each, its batches in the order in which they came.
    private var left: [(origin: ToldMinutes.Origin, batches: [Int])]
    private(set) var sums: [MinuteIntake.Key: MinuteSums] = [:]
    private(set) var counts: [Int]

    init(_ group: [MinuteMerge.Told], known: [ToldMinutes.Origin: ToldMinutes]) {
        (self.group, self.known) = (group, known)
        var batches: [ToldMinutes.Origin: [Int]] = [:]
        for (index, told) in group.enumerated() {
            for origin in told.origins { batches[origin, default: []].append(index) }
        }
        left = batches.map { ($0.key, $0.value) }
        counts = Array(repeating: 0, count: group.count)
    }

    /// What is to be written of the next ones; empty: that was all.
    mutating func next(_ most: Int) throws -> [SQL] {
        var page: [SQL] = []
        while page.count < most, let (origin, batches) = left.popLast() {
            var minutes = known.removeValue(forKey: origin) ?? ToldMinutes()
            var newer = 0
            for index in batches {
                let told = group[index]
                let count = try minutes.replace(told.rows[origin.minute] ?? [:], told.sequence, &sums)
                counts[index] += count
                newer += count
            }
            if newer > 0 { page.append(minutes.write(origin)) }
        }
        return page
    }
}

extension MinuteMerge.Told {
    fileprivate var origins: [ToldMinutes.Origin] {
        rows.keys.map { ToldMinutes.Origin(gateway: gateway, boot: boot, minute: $0) }
    }
}

/// What one start of a gateway told last of one minute.
struct ToldMinutes: Sendable {
    struct Origin: Hashable, Sendable {
        var gateway: UUID
        var boot: String
        var minute: Int64
    }

    private(set) var counters: [MinuteIntake.Key: (sequence: Int64, sums: PackedSums)] = [:]

    /// Returns how many were newer, and adds to the sums by how much they differ from what was told before.
    fileprivate mutating func replace(
        _ rows: [MinuteIntake.Key: PackedSums], _ sequence: Int64, _ sums: inout [MinuteIntake.Key: MinuteSums]
    ) throws -> Int {
        counters.reserveCapacity(counters.count + rows.count)
        var newer = 0
        for (key, told) in rows {
            let before = counters[key]
            if let before, before.sequence >= sequence { continue }
            newer += 1
            counters[key] = (sequence, told)
            try sums[key, default: .none].add(told)
            if let before { try sums[key]?.add(before.sums, -1) }
        }
        return newer
    }

    fileprivate func write(_ origin: Origin) -> SQL {
        var packed = PackedMinutes()
        for (key, told) in counters { packed.add(key, told.sequence, told.sums) }
        return """
            INSERT INTO reliability.minute_told (gateway_id, boot_id, minute_at, counters)
            VALUES (\(origin.gateway), \(origin.boot), \(SQL.minute(origin.minute)), \(packed.bytes))
            ON CONFLICT (gateway_id, boot_id, minute_at) DO UPDATE SET counters = EXCLUDED.counters
            """
    }

    static func read(_ origins: Set<Origin>, _ connection: PostgresConnection) async throws -> [Origin: ToldMinutes] {
        guard !origins.isEmpty else { return [:] }
        let asked: SQL = """
            (SELECT * FROM unnest(\(origins.map(\.gateway))::uuid[], \(origins.map(\.boot))::text[], \(origins.map(\.minute))::bigint[])
                AS asked (gateway_id, boot_id, minute))
            """
        var known = try await rows(
            """
            SELECT gateway_id, boot_id, asked.minute, told.counters FROM \(asked) AS asked JOIN reliability.minute_told AS told USING (gateway_id, boot_id)
            WHERE told.minute_at = to_timestamp(asked.minute * 60)
            """, connection)
        let unknown = Dictionary(grouping: origins.filter { known[$0] == nil }, by: \.minute)
        for (minute, origins) in unknown { try await noteOld(minute, origins, &known, connection) }
        return known
    }

    /// Of the release before, which wrote a row for each gateway: they stay, are a part of the whole, and are known with the rest from then on.
    private static func noteOld(
        _ minute: Int64, _ origins: [Origin], _ known: inout [Origin: ToldMinutes], _ connection: PostgresConnection
    ) async throws {
        let rows = try await connection.query(
            """
            SELECT * FROM reliability.minute WHERE minute_at = \(SQL.minute(minute))
                AND gateway_id = ANY (\(origins.map(\.gateway))::uuid[]) AND boot_id = ANY (\(origins.map(\.boot))::text[])
            """)
        for row in rows {
            let origin = Origin(gateway: try row.value("gateway_id"), boot: try row.value("boot_id"), minute: minute)
            guard origins.contains(origin) else { continue }
            try known[origin, default: ToldMinutes()].note(row, minute)
        }
    }

    private mutating func note(_ row: PostgresRow, _ minute: Int64) throws {
        let key = try MinuteIntake.Key(
            tenant: row.value("tenant_id"), model: row.value("model"), region: row.value("region"), minute: minute, tier: row.value("tier"),
            provider: row.value("provider"), drill: row.value("drill"))
        var told = MinuteCounters(minute: minute, tenant: "", tier: key.tier, model: key.model, region: key.region)
        try told.read(row)
        counters[key] = (try row.value("sequence"), PackedSums(MinuteSums(told)))
    }

    /// - Parameter query: `gateway_id`, `boot_id`, `minute` and `counters`.
    static func rows(_ query: SQL, _ connection: PostgresConnection) async throws -> [Origin: ToldMinutes] {
        try await connection.query(query).reduce(into: [:]) { known, row in
            let origin = Origin(gateway: try row.value("gateway_id"), boot: try row.value("boot_id"), minute: try row.value("minute"))
            var told = ToldMinutes()
            try PackedMinutes.read(try row.value("counters"), minute: origin.minute) { told.counters[$0] = ($1, $2) }
            known[origin] = told
        }
    }
}
