import Domain
import FoundationEssentials
import PlimsollWire
import Postgres

/// Completes what a start of a gateway did not live to tell: its usage records are durable, and when all of them have come they show every request that it
/// had admitted. What is missing in its minutes is added; what was told is never taken back, because refusals have no records.
struct MinuteRecount: Sendable {
    /// Clocks of gateways may be wrong by so much (reference, section 2.7).
    private static let skew: TimeInterval = 300
    /// The longest request, and more.
    private static let longest: TimeInterval = 1_800
    /// Records that are older are not stored.
    private static let oldest: TimeInterval = 35 * 86_400

    let serving: PostgresPool
    let billing: PostgresPool
    let reliability: PostgresPool

    init(_ databases: ControlDatabases) {
        self.init(serving: databases.serving, billing: databases.billing, reliability: databases.reliability)
    }

    init(serving: PostgresPool, billing: PostgresPool, reliability: PostgresPool) {
        self.serving = serving
        self.billing = billing
        self.reliability = reliability
    }

    /// A start without a last word, of which every record has come.
    struct Start: Sendable {
        var gateway: UUID
        var boot: String
        /// Of its last batch of minutes; nil: it told none.
        var toldAt: Date?
        /// When its last record had come.
        var recordedAt: Date
        var sequence: Int64
    }

    func ended() async throws -> [Start] {
        let rows = try await reliability.query(
            """
            SELECT gateway_id, boot_id, sequence, records_at, told_at FROM reliability.minute_source
            WHERE records_at IS NOT NULL AND closed_at IS NULL ORDER BY records_at LIMIT 100
            """)
        return try rows.map { row in
            let sequence = try row.value("sequence", as: Int64.self)
            return Start(
                gateway: try row.value("gateway_id"), boot: try row.value("boot_id"), toldAt: sequence > 0 ? try row.value("told_at") : nil,
                recordedAt: try row.value("records_at"), sequence: sequence)
        }
    }

    /// Adds what is missing and says the last word in its place, which also takes back what stood for it while nothing was known. Done again, or by two
    /// at once, it adds nothing more. Returns how many requests it added.
    func complete(_ start: Start) async throws -> Int64 {
        var added: Int64 = 0
        for minute in try await minutes(of: start) { added += try await complete(minute, of: start) }
        let last = MinuteBatch(gateway: "", boot: start.boot, sequence: start.sequence + 1, minutes: [], closes: true)
        _ = try await MinuteIntake(pool: reliability).store(last, from: start.gateway)
        return added
    }

    /// Minutes of requests that ended when it had told for the last time, or did not end.
    private func minutes(of start: Start) async throws -> [Int64] {
        let known = start.toldAt.map { $0.addingTimeInterval(-Self.skew) } ?? .distantPast
        let first = max(known.addingTimeInterval(-Self.longest), start.recordedAt.addingTimeInterval(-Self.oldest))
        let rows = try await billing.query(
            """
            SELECT DISTINCT floor(extract(epoch FROM accepted_at) / 60)::bigint AS minute FROM billing.usage_event
            WHERE accepted_at >= \(first) AND accepted_at <= \(start.recordedAt.addingTimeInterval(Self.skew))
                AND gateway_id = \(start.gateway) AND boot_id = \(start.boot)
                AND (outcome = \(Outcome.interrupted.rawValue) OR accepted_at + finished_after_us * interval '1 microsecond' >= \(max(known, first)))
            ORDER BY minute
            """)
        return try rows.map { try $0.value("minute") }
    }

    private func complete(_ minute: Int64, of start: Start) async throws -> Int64 {
        let (told, sequence) = try await told(minute, start)
        let late = try await self.told(minute, start, suffix: "-late").counters
        var (missing, added): ([MinuteCounters], Int64) = ([], 0)
        for (key, recorded) in try await recorded(minute, start) {
            guard let whole = recorded.completing(told[key], beside: late[key]) else { continue }
            missing.append(whole)
            added += whole.requests - (told[key]?.requests ?? 0)
        }
        for first in stride(from: 0, to: missing.count, by: MinuteBatch.most) {
            let piece = Array(missing[first..<min(first + MinuteBatch.most, missing.count)])
            let batch = MinuteBatch(gateway: "", boot: start.boot, sequence: sequence + 1, minutes: piece)
            _ = try await MinuteIntake(pool: reliability).store(batch, from: start.gateway)
        }
        return added
    }

    /// What gateways tell apart.
    private struct Key: Hashable {
        var tenant: UUID
        var tier: String
        var model: String
        var region: String
        var provider: String
        var isDrill: Bool

        init(_ row: PostgresRow, isDrill: Bool) throws {
            tenant = try row.value("tenant_id")
            tier = try row.value("tier")
            model = try row.value("model")
            region = try row.value("region")
            provider = try row.value("provider")
            self.isDrill = isDrill
        }

        init(_ key: MinuteIntake.Key) {
            (tenant, tier, model, region, provider, isDrill) = (key.tenant, key.tier, key.model, key.region, key.provider, key.drill)
        }

        func counters(_ minute: Int64) -> MinuteCounters {
            MinuteCounters(
                minute: minute, tenant: tenant.lowercased, tier: tier, model: model, region: region, provider: provider, drill: isDrill ? true : nil)
        }
    }

    private func told(_ minute: Int64, _ start: Start, suffix: String = "") async throws -> (counters: [Key: MinuteCounters], sequence: Int64) {
        let origin = ToldMinutes.Origin(gateway: start.gateway, boot: start.boot + suffix, minute: minute)
        let told = try await reliability.withConnection { try await ToldMinutes.read([origin], $0)[origin] ?? ToldMinutes() }
        var (counters, sequence): ([Key: MinuteCounters], Int64) = ([:], 0)
        for (key, last) in told.counters {
            counters[Key(key)] = try last.sums.sums().counters(key)
            sequence = max(sequence, last.sequence)
        }
        return (counters, sequence)
    }

    /// What gateways would have told of these records.
    private func recorded(_ minute: Int64, _ start: Start) async throws -> [Key: MinuteCounters] {
        let rows = try await billing.query(
            """
            SELECT tenant_id, tier, model, region, coalesce(provider, '') AS provider, key_id, outcome, stream, first_token_after_us,
                finished_after_us, queued_for_us, retrieval_us, prompt_tokens::bigint AS prompt_tokens, completion_tokens::bigint AS completion_tokens
            FROM billing.usage_event
            WHERE accepted_at >= \(SQL.minute(minute)) AND accepted_at < \(SQL.minute(minute + 1))
                AND gateway_id = \(start.gateway) AND boot_id = \(start.boot) AND kind = 'final'
            """)
        let purposes = try await purposes(Set(try rows.map { try $0.value("key_id", as: UUID.self) }))
        let thresholds = try await thresholds()
        var counters: [Key: MinuteCounters] = [:]
        for row in rows {
            let purpose = purposes[try row.value("key_id")]
            guard purpose != .probe else { continue }
            let key = try Key(row, isDrill: purpose == .drill)
            try counters[key, default: key.counters(minute)].count(row, thresholds[key.tier] ?? Thresholds())
        }
        return counters
    }

    /// Keys that the installation uses itself.
    private func purposes(_ keys: Set<UUID>) async throws -> [UUID: KeyPurpose] {
        let rows = try await serving.query("SELECT id, purpose FROM serving.api_keys WHERE id = ANY (\(Array(keys))::uuid[]) AND purpose IS NOT NULL")
        return try rows.reduce(into: [:]) { $0[try $1.value("id")] = KeyPurpose(rawValue: try $1.value("purpose")) }
    }

    struct Thresholds {
        var firstToken = Int64.max
        var lastToken = Int64.max
    }

    /// By tier.
    private func thresholds() async throws -> [String: Thresholds] {
        let rows = try await serving.query(
            "SELECT name, ttft_objective_microseconds AS first, ttlt_objective_microseconds AS last FROM serving.tiers")
        return try rows.reduce(into: [:]) { thresholds, row in
            thresholds[try row.value("name")] = Thresholds(
                firstToken: try row.value("first"), lastToken: try row.value("last", as: Int64?.self) ?? FixedLengthSample.usualObjective)
        }
    }
}

extension MinuteRecount {
    /// Whom a start served in its last minute and since, as far as records have come.
    func served(_ gateway: UUID, _ boot: String, since told: Date) async throws -> [MinuteSources.Subject] {
        let rows = try await billing.query(
            """
            SELECT DISTINCT tenant_id, tier, model, region, key_id FROM billing.usage_event
            WHERE accepted_at >= \(told.addingTimeInterval(-60)) AND accepted_at <= \(told.addingTimeInterval(Self.skew))
                AND gateway_id = \(gateway) AND boot_id = \(boot)
            """)
        let purposes = try await purposes(Set(try rows.map { try $0.value("key_id", as: UUID.self) }))
        return try rows.compactMap { row in
            guard purposes[try row.value("key_id")] == nil else { return nil }
            return MinuteSources.Subject(
                tenant: try row.value("tenant_id"), tier: try row.value("tier"), model: try row.value("model"), region: try row.value("region"))
        }
    }
}
