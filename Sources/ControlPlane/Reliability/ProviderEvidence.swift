import Domain
import FoundationEssentials
import Postgres

/// Everything that is known of one provider and goes into its score.
struct ProviderEvidence: Sendable {
    /// Probes of thirty days, today's first.
    var days: [ProviderScore.Day] = []
    var probes: Int64 = 0
    /// Mean of the link's round trip over seven days, microseconds; nil: never measured.
    var roundTrip: Int64?
    var lastProbeAt: Date?
    /// Successes since the last failure, thirty at most.
    var cleanProbes = 0
    var losses = 0
    var undrainedLosses = 0
    /// Hourly prices of seven days, of each pool whose price is known.
    var prices: [[Double]] = []
    var lastIncidentAt: Date?

    static let window = 30

    var success: Double { ProviderScore.success(days) }

    /// The parts of the score, each 0 to 1. A round trip that was never measured is worth nothing, nor is a price that is not known.
    var parts: ProviderScore { score(success: success, unknown: 0) }

    /// Nil without a probe for a day.
    func points(at now: Date) -> Double? {
        guard isFresh(at: now) else { return nil }
        let points = parts.points
        return lastIncidentAt.map { ProviderScore.penalized(points, hoursSinceIncident: max(hours(since: $0, now), 0)) } ?? points
    }

    /// The same as if nothing but good were expected of anyone, and what was never measured were at its best: a low one is the provider's own doing. What an
    /// incident takes for a day is left out: one that hits all for minutes would keep everybody who pays from being served for a day and a half.
    func knownPoints(at now: Date) -> Double? {
        isFresh(at: now) ? score(success: ProviderScore.success(days, prior: 1), unknown: 1).points : nil
    }

    private func isFresh(at now: Date) -> Bool {
        lastProbeAt.map { !PaidTierGate.isStale(hoursSinceProbe: hours(since: $0, now)) } ?? false
    }

    /// - Parameter unknown: What a round trip that was never measured is worth, and a price that is not known.
    private func score(success: Double, unknown: Double) -> ProviderScore {
        let stability = prices.map { ProviderScore.price(hourly: $0) }
        return ProviderScore(
            availability: ProviderScore.availability(success: success),
            latency: roundTrip.map { ProviderScore.latency(milliseconds: Double($0) / 1000) } ?? unknown,
            preemption: ProviderScore.preemption(undrained: undrainedLosses, total: losses),
            price: stability.isEmpty ? unknown : stability.reduce(0, +) / Double(stability.count))
    }

    private func hours(since moment: Date, _ now: Date) -> Double { now.timeIntervalSince(moment) / 3_600 }
}

/// Reads the evidence of all providers. Probes of drills and faults of our own are left out.
struct ProviderEvidenceReader: Sendable {
    /// Of the reliability room.
    let pool: PostgresPool

    func read(_ providers: [String]) async throws -> [String: ProviderEvidence] {
        var evidence = Dictionary(uniqueKeysWithValues: providers.map { ($0, ProviderEvidence()) })
        try await addDays(&evidence)
        try await addLastProbes(&evidence)
        try await addLosses(&evidence)
        try await addPrices(&evidence)
        try await addIncidents(&evidence)
        return evidence
    }

    private func addDays(_ evidence: inout [String: ProviderEvidence]) async throws {
        let rows = try await pool.query(
            """
            SELECT provider, (now() AT TIME ZONE 'UTC')::date - day AS age, sum(successes)::bigint AS good,
                sum(successes + failures)::bigint AS probes, sum(link_rtt_us)::bigint AS rtt, sum(link_rtt_samples)::bigint AS samples
            FROM reliability.probe_day WHERE day > (now() AT TIME ZONE 'UTC')::date - \(ProviderEvidence.window)::integer GROUP BY provider, day
            """)
        var trips: [String: (sum: Int64, samples: Int64)] = [:]
        for row in rows {
            let provider: String = try row.value("provider")
            let age = max(try row.value("age", as: Int.self), 0)
            guard evidence[provider] != nil else { continue }
            let probes: Int64 = try row.value("probes")
            let rtt: Int64 = try row.value("rtt")
            let samples: Int64 = try row.value("samples")
            var days = evidence[provider]?.days ?? []
            while days.count <= age { days.append(ProviderScore.Day(successes: 0, probes: 0)) }
            days[age] = ProviderScore.Day(successes: Double(try row.value("good", as: Int64.self)), probes: Double(probes))
            evidence[provider]?.days = days
            evidence[provider]?.probes += probes
            guard age < 7 else { continue }
            let known = trips[provider] ?? (0, 0)
            trips[provider] = (known.sum + rtt, known.samples + samples)
        }
        for (provider, trip) in trips where trip.samples > 0 { evidence[provider]?.roundTrip = trip.sum / trip.samples }
    }

    private func addLastProbes(_ evidence: inout [String: ProviderEvidence]) async throws {
        let rows = try await pool.query(
            """
            SELECT wanted.name AS provider, last.at, last.succeeded FROM unnest(\(evidence.keys.sorted())::text[]) AS wanted (name),
                LATERAL (SELECT at, succeeded FROM reliability.probe WHERE provider = wanted.name AND kind = 'worker' AND NOT drill
                    AND fault IS DISTINCT FROM 'gateway' AND at > now() - make_interval(days => \(ProviderEvidence.window))
                    ORDER BY at DESC LIMIT \(PaidTierGate.cleanProbes)) AS last
            ORDER BY wanted.name, last.at DESC
            """)
        var failed: Set<String> = []
        for row in rows {
            let provider: String = try row.value("provider")
            let at: Date = try row.value("at")
            if evidence[provider]?.lastProbeAt == nil { evidence[provider]?.lastProbeAt = at }
            if try !row.value("succeeded", as: Bool.self) { failed.insert(provider) }
            if !failed.contains(provider) { evidence[provider]?.cleanProbes += 1 }
        }
    }

    private func addLosses(_ evidence: inout [String: ProviderEvidence]) async throws {
        let rows = try await pool.query(
            """
            SELECT provider, count(*) AS losses, count(*) FILTER (WHERE NOT drained) AS undrained FROM reliability.host_loss
            WHERE lost_at > now() - make_interval(days => \(ProviderEvidence.window)) GROUP BY provider
            """)
        for row in rows {
            let provider: String = try row.value("provider")
            evidence[provider]?.losses = try row.value("losses")
            evidence[provider]?.undrainedLosses = try row.value("undrained")
        }
    }

    /// What each pool cost in every hour of seven days in which its price was known.
    private func addPrices(_ evidence: inout [String: ProviderEvidence]) async throws {
        let rows = try await pool.query(
            """
            SELECT pools.provider, pools.pool, array_agg(paid.price::text) AS prices
            FROM (SELECT DISTINCT provider, pool FROM reliability.pool_price) AS pools,
                generate_series(now() - interval '7 days', now(), interval '1 hour') AS hour,
                LATERAL (SELECT hour_price_micro_usd AS price FROM reliability.pool_price AS known
                    WHERE known.pool = pools.pool AND known.at <= hour ORDER BY known.at DESC LIMIT 1) AS paid
            GROUP BY pools.provider, pools.pool
            """)
        for row in rows {
            let provider: String = try row.value("provider")
            evidence[provider]?.prices.append(try row.value("prices", as: [String].self).compactMap(Double.init))
        }
    }

    /// Of the provider as a whole: what one of its workers fails is in its probes.
    private func addIncidents(_ evidence: inout [String: ProviderEvidence]) async throws {
        let rows = try await pool.query(
            """
            SELECT provider, max(coalesce(resolved_at, now())) AS last FROM reliability.incident
            WHERE rule = \(IncidentSignal.providerHealth.rawValue) AND NOT drill AND opened_at > now() - make_interval(days => \(ProviderEvidence.window)) GROUP BY provider
            """)
        for row in rows { evidence[try row.value("provider", as: String.self)]?.lastIncidentAt = try row.value("last") }
    }
}
