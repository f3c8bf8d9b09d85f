import Domain
package import FoundationEssentials
package import PlimsollWire
package import Postgres

/// Takes what gateways counted. It is cumulative within a boot of a gateway: a later report replaces an earlier one and is never added to it. What many
/// gateways tell of a subject and minute is merged before it is stored (`MinuteMerge`).
package struct MinuteIntake: Sendable {
    private let pool: PostgresPool
    private let line: MinuteLine

    /// - Parameters:
    ///   - pool: Of the reliability room.
    ///   - patience: How long batches are kept for others that are being read.
    package init(pool: PostgresPool, patience: Duration = .milliseconds(500)) {
        self.pool = pool
        line = MinuteLine(pool: pool, patience: patience)
    }

    struct Key: Hashable {
        var tenant: UUID
        var model: String
        var region: String
        var minute: Int64
        var tier: String
        var provider: String
        var drill: Bool

        /// Hashed several times for each counter that a gateway tells: the rest has few values.
        func hash(into hasher: inout Hasher) {
            hasher.combine(tenant)
            hasher.combine(minute)
            hasher.combine(model)
        }
    }

    package func store(_ batch: MinuteBatch, from gateway: UUID, at moment: Date = Date()) async throws -> IntakeResponse {
        try await store(ToldBatch(batch, at: moment), from: gateway)
    }

    /// Batches that are being read, and that wait to be merged.
    var coming: Int { line.coming }
    var waiting: Int { line.waiting }

    /// A batch that is being read, and stored then.
    func reading(_ read: () async throws -> ToldBatch) async rethrows -> ToldBatch { try await line.reading(read) }

    /// `duplicates` counts reports that are not newer than what is stored.
    func store(_ batch: ToldBatch, from gateway: UUID) async throws -> IntakeResponse {
        guard batch.count <= MinuteBatch.most else { throw PeerRefusal(.tooLarge, "at most 10,000 minutes at once") }
        guard (1...64).contains(batch.boot.unicodeScalars.count) else { throw PeerRefusal(.invalidRequest, "boot is missing or too long") }
        // First: what is acknowledged is in one place or the other.
        try await MinuteAside(pool: pool).put(batch.aside, boot: batch.boot, sequence: batch.sequence, gateway)
        let stored = try await write(batch.rows, boot: batch.boot, sequence: batch.sequence, gateway: gateway)
        if let closes = batch.closes {
            let recent = batch.firstTokens.prefix(MinuteBatch.most).filter(\.isStorable)
            try await MinuteSources(pool: pool).note(
                gateway, batch.boot, sequence: batch.sequence, closes: closes,
                firstTokens: String(decoding: try WireCoder.encode(recent), as: UTF8.self))
        }
        let unusable = batch.broken + batch.aside.count
        return IntakeResponse(stored: stored, duplicates: batch.count - unusable - stored, quarantined: unusable)
    }

    /// How many were newer than what is known.
    func write(_ rows: MinuteRows, boot: String, sequence: Int64, gateway: UUID) async throws -> Int {
        guard !rows.isEmpty else { return 0 }
        return try await line.store(MinuteMerge.Told(gateway: gateway, boot: boot, sequence: sequence, rows: rows))
    }
}

extension MinuteIntake.Key {
    init(_ counters: MinuteCounters, tenant: UUID) {
        self.init(
            tenant: tenant, model: counters.model, region: counters.region, minute: counters.minute, tier: counters.tier,
            provider: counters.provider ?? "", drill: counters.drill ?? false)
    }
}

extension FirstTokenCount {
    fileprivate var isStorable: Bool {
        (0...(1 << 48)).contains(samples) && (0...samples).contains(over)
            && [tier, model, region].allSatisfy { $0.unicodeScalars.count <= 127 && !$0.unicodeScalars.contains("\0") }
    }
}
