import Domain
import FoundationEssentials
import Postgres

/// The fleet as hosts and gateways tell it, of one moment.
struct FleetReader: Sendable {
    /// Nothing that is older counts as silence: while nobody listened nobody could be heard.
    /// Whose host has not spoken since then may not have had the time; `.distantPast`: who has not spoken is silent.
    let listeningSince: Date
    let now: Date

    /// Seconds without a heartbeat after which a host is silent; gateways tell far sooner that a link is gone.
    private static let silence = 90.0

    struct Picture: Sendable {
        var view = FleetView()
        var conditions: [FleetRules.Condition] = []
        /// Active SKUs of protected tiers that have lost what must stand behind them.
        var thin: [Thin] = []
        /// What stands behind such SKUs for the first time.
        var risen: [(sku: String, aspect: Redundancy.Aspect)] = []
        /// What is down because of them is down on purpose.
        var drills: [Drill] = []
    }

    /// An active SKU of a protected tier.
    struct Promised: Sendable {
        var sku: String
        var terms: FleetView.Terms
        /// Sold by the word of two people.
        var isOverridden: Bool
        /// What stood behind it at some time.
        var stood: Set<Redundancy.Aspect>
    }

    struct Thin: Sendable {
        var terms: FleetView.Terms
        var lost: [Redundancy.Aspect]
        var isOverridden: Bool
    }

    /// What is sold and where; operators change it, failures do not.
    struct Offer: Sendable {
        var pools: [FleetView.Pool] = []
        var tiers: [FleetView.Tier] = []
        var terms: [FleetView.Terms] = []
        var scalers: [Scaler] = []
        var promised: [Promised] = []
    }

    static func offer(_ ask: ([SQL]) async throws -> [[PostgresRow]]) async throws -> Offer {
        let answers = try await ask([poolRows, tierRows, termRows, scalerRows])
        var offer = Offer()
        offer.pools = try answers[0].map { row in
            FleetView.Pool(
                name: try row.value("name"), kind: FleetView.Pool.Kind(rawValue: try row.value("kind")) ?? .shared, region: try row.value("region"),
                hourPriceMicroUsd: try row.value("hour_price_micro_usd"))
        }
        offer.tiers = try answers[1].map { row in
            FleetView.Tier(name: try row.value("name"), rank: try row.value("priority"), isProtected: try row.value("protected"))
        }
        offer.scalers = try answers[3].map { row in
            Scaler(
                id: try row.id("id"), name: try row.value("name"), model: try row.value("model"), region: try row.value("region"),
                mostWorkers: try row.value("most_workers"))
        }
        for row in answers[2] {
            var terms = FleetView.Terms(
                model: try row.value("model"), tier: try row.value("tier"), region: try row.value("primary_region"),
                backupRegion: try row.value("backup_region"), fallbackModel: try row.value("fallback_model"), isDrilled: try row.value("is_drilled"))
            terms.isFallbackAgreed = try !row.value("is_fallback_refused", as: Bool.self)
            terms.isWarm = try row.value("is_warm")
            offer.terms.append(terms)
            guard offer.tiers.contains(where: { $0.name == terms.tier && $0.isProtected }) else { continue }
            offer.promised.append(
                Promised(
                    sku: try row.value("name"), terms: terms, isOverridden: try row.value("is_overridden"),
                    stood: Set(try row.value("stood", as: [String].self).compactMap(Redundancy.Aspect.init(rawValue:)))))
        }
        return offer
    }

    /// - Parameters:
    ///   - offer: Nil: it is read, too.
    ///   - ask: Of the serving room.
    func read(_ offer: Offer? = nil, _ ask: ([SQL]) async throws -> [[PostgresRow]]) async throws -> Picture {
        let known = if let offer { offer } else { try await Self.offer(ask) }
        let answers = try await ask([workerRows, drillRows])
        var picture = Picture()
        (picture.view.pools, picture.view.tiers, picture.view.terms) = (known.pools, known.tiers, known.terms)
        picture.view.scalers = known.scalers
        for row in answers[0] { try add(row, to: &picture) }
        for promised in known.promised { weigh(promised, in: &picture) }
        picture.drills = try answers[1].map(Drill.init)
        forgiveDrills(&picture)
        return picture
    }

    /// What a drill feigns is no runtime's fault.
    private func forgiveDrills(_ picture: inout Picture) {
        for index in picture.view.workers.indices {
            let worker = picture.view.workers[index]
            let key = IncidentKey(
                .workerHealth, model: worker.model, region: worker.region, provider: worker.provider, subject: worker.id)
            if picture.drills.contains(where: { $0.covers(key) }) { picture.view.workers[index].runtime.isFaulty = false }
        }
    }

    private func add(_ row: PostgresRow, to picture: inout Picture) throws {
        let heard = try row.value("last_heartbeat_at", as: Date?.self)
        let isSilent = heard.map { now.timeIntervalSince(max($0, listeningSince)) > Self.silence } ?? true
        let isDown = try isSilent || row.value("is_out", as: Bool.self)
        let weight: Int64 = try row.value("weight")
        let id = try row.id("id")
        let isReady = try !isDown && !row.value("leaves", as: Bool.self) && row.value("is_ready", as: Bool.self)
        let hasShare: Bool = try row.value("has_share")
        var worker = FleetView.Worker(
            id: id, provider: try row.value("provider"), region: try row.value("region"), model: try row.value("model"),
            release: try row.value("release"), pool: try row.value("pool"), isServing: isReady && hasShare && weight > 0,
            isStandby: try isReady && hasShare && weight == 0 && row.value("pool_stands_by", as: Bool.self),
            runtime: try runtime(row, isSilent: isSilent))
        (worker.hasShare, worker.awaitsShare) = (hasShare, isReady && !hasShare && weight > 0)
        worker.lostShareAt = try row.value("lost_share_at")
        worker.isOpen = try weight > 0 && !row.value("leaves", as: Bool.self)
        (worker.isAdmitted, worker.hasLowScore) = (try row.value("is_admitted"), try row.value("has_low_score"))
        picture.view.workers.append(worker)
        // Who leaves because an operator says so, or never spoke, is no trouble.
        guard heard != nil, try !row.value("leaves", as: Bool.self) else { return }
        picture.conditions.append(
            FleetRules.Condition(worker: id, provider: worker.provider, region: worker.region, model: worker.model, isDown: isDown))
    }

    private func weigh(_ promised: Promised, in picture: inout Picture) {
        let given = Redundancy.given(promised.terms, picture.view)
        picture.risen += given.subtracting(promised.stood).map { (promised.sku, $0) }
        let lost = Redundancy.lost(
            given, of: Redundancy.asked(promised.terms), stood: promised.stood, isOverridden: promised.isOverridden)
        if !lost.isEmpty { picture.thin.append(Thin(terms: promised.terms, lost: lost, isOverridden: promised.isOverridden)) }
    }

    private func runtime(_ row: PostgresRow, isSilent: Bool) throws -> FleetView.Runtime {
        var runtime = FleetView.Runtime(
            isFaulty: try !isSilent && row.value("is_faulty", as: Bool.self), isRestartable: try row.value("restartable"),
            isRestarting: try row.value("restarting"), restartsLately: try row.value("restarts"))
        runtime.isStarting = try !isSilent && row.value("is_starting", as: Bool.self)
        return runtime
    }

    /// A worker is out when at least half of its region's gateways that told anything lately have it out for more than being slow, and its runtime
    /// is at fault when they have it out for what it answers.
    private var workerRows: SQL {
        """
        SELECT worker.id, pools.provider, hosts.region, releases.model, worker.release, hosts.pool, hosts.last_heartbeat_at,
            hosts.intent = 'drain' AS leaves,
            worker.weight_ppm::bigint * coalesce(pool_weight.weight_ppm, 1000000) / 1000000
                * coalesce(provider_weight.weight_ppm, 1000000) / 1000000 AS weight,
            coalesce(pool_weight.weight_ppm, 1000000) = 0 AND coalesce(provider_weight.weight_ppm, 1000000) > 0 AND worker.weight_ppm > 0
                AS pool_stands_by,
            coalesce(release_weight.weight_ppm, 1000000) > 0 AS has_share, extract(epoch FROM former.lost_at)::bigint AS lost_share_at,
            worker.runtime_state = 'ready' AS is_ready,
            worker.runtime_state = 'starting' AS is_starting,
            coalesce(told.is_out, FALSE) AS is_out, coalesce(score.admitted, FALSE) AS is_admitted,
            coalesce(score.low, FALSE) AS has_low_score,
            coalesce(told.is_faulty, FALSE) AND worker.runtime_state IN ('ready', 'unhealthy') AS is_faulty, worker.restartable,
            EXISTS (SELECT 1 FROM serving.operations AS operation
                WHERE operation.worker_id = worker.id AND operation.state IN ('queued', 'sent', 'running')) AS restarting,
            (SELECT count(*) FROM serving.operations AS operation
                WHERE operation.worker_id = worker.id AND operation.created_at > \(now.addingTimeInterval(-3_600))) AS restarts
        FROM serving.workers AS worker
        JOIN serving.hosts AS hosts ON hosts.id = worker.host_id
        JOIN serving.pools AS pools ON pools.name = hosts.pool
        JOIN serving.providers AS providers ON providers.name = pools.provider
        JOIN serving.releases AS releases ON releases.name = worker.release
        JOIN serving.models AS models ON models.name = releases.model
        CROSS JOIN LATERAL (
            SELECT 2 * count(*) FILTER (WHERE coalesce(gateway.workers_out ->> worker.id::text, 'slow') <> 'slow') >= nullif(count(*), 0) AS is_out,
                2 * count(*) FILTER (WHERE gateway.workers_out ->> worker.id::text IN ('failures', 'stalled', 'probes')) >= nullif(count(*), 0)
                    AS is_faulty
            FROM serving.gateways AS gateway
            WHERE gateway.region = hosts.region AND gateway.state = 'active'
                AND gateway.workers_out_at > \(now)::timestamptz - \(FleetIntake.fresh)) AS told
        LEFT JOIN reliability.provider_score AS score ON score.provider = pools.provider
        LEFT JOIN serving.current_routing_weights AS release_weight
            ON release_weight.scope = 'release' AND release_weight.subject = worker.release
        LEFT JOIN serving.former_release_share AS former ON former.release = worker.release
        LEFT JOIN serving.current_routing_weights AS pool_weight ON pool_weight.scope = 'pool' AND pool_weight.subject = hosts.pool
        LEFT JOIN serving.current_routing_weights AS provider_weight
            ON provider_weight.scope = 'provider' AND provider_weight.subject = pools.provider
        WHERE worker.accepted AND worker.retired_at IS NULL AND hosts.state = 'active' AND pools.state = 'active'
            AND providers.state = 'active' AND releases.state = 'active' AND models.state = 'active'
        """
    }

    /// Those that run, and those that are over but may still be felt.
    private var drillRows: SQL {
        "SELECT \(Drill.columns) FROM reliability.drill AS r WHERE coalesce(r.ended_at, \(now)) > \(now.addingTimeInterval(-60))"
    }

    private static let poolRows: SQL = "SELECT name, kind, region, hour_price_micro_usd FROM serving.pools WHERE state = 'active' ORDER BY name"

    private static let scalerRows: SQL =
        "SELECT id, name, model, region, most_workers FROM reliability.scaler WHERE state = 'active' ORDER BY name"

    private static let tierRows: SQL =
        "SELECT name, priority, \(PromisedTiers.condition("tiers")) AS protected FROM serving.tiers WHERE state = 'active' ORDER BY name"

    private static let termRows: SQL = """
        SELECT sku.name, sku.model, sku.tier, sku.primary_region, sku.backup_region, fallback.model AS fallback_model,
            \(FallbackTerms.areAgainst(tier: "sku.tier", model: "sku.model", region: "sku.primary_region", toModel: "fallback.model"))
                AS is_fallback_refused,
            sku.override_reason IS NOT NULL AS is_overridden,
            EXISTS (SELECT 1 FROM serving.tiers WHERE tiers.name = sku.tier AND tiers.capacity_policy = 'warm_regional') AS is_warm,
            EXISTS (SELECT 1 FROM reliability.tried_fallback AS drill
                WHERE drill.sku = sku.name AND drill.held AND drill.at > now() - interval '30 days') AS is_drilled,
            ARRAY(SELECT aspect FROM reliability.sku_standing AS standing WHERE standing.sku = sku.name) AS stood
        FROM serving.skus AS sku LEFT JOIN serving.skus AS fallback ON fallback.name = sku.fallback_sku AND fallback.state <> 'deleted'
        WHERE sku.state = 'active' ORDER BY sku.name
        """
}
