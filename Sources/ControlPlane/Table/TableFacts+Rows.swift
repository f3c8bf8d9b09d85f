import Cryptography
import Domain
import FoundationEssentials
import PlimsollWire
import Postgres

extension TableFacts {
    /// Reads every row that has a place in the table, in the snapshot of the caller's transaction.
    static func read(_ connection: PostgresConnection, trustDomain: String) async throws -> TableFacts {
        let answers = try await connection.pipeline([
            tenantRows, keyRows, tierRows, modelRows, releaseRows, workerRows, gatewayRows, deniedRows, ruleRows,
            captureRows, priceRows, mitigationRows,
        ])
        var facts = TableFacts()
        facts.tenants = try answers[0].map(tenant)
        facts.keys = try answers[1].map(key)
        facts.tiers = try answers[2].map(tier)
        facts.models = try answers[3].map(model)
        facts.releases = try answers[4].map(release)
        facts.workers = try answers[5].map(worker)
        facts.gateways = try answers[6].map(gateway)
        facts.denied = try answers[7].map { try denied($0, trustDomain: trustDomain) }
        facts.rules = try answers[8].map(rule)
        facts.captures = try answers[9].map(capture)
        facts.prices = try answers[10].map(price)
        facts.mitigations = try answers[11].map(mitigation)
        return facts
    }

    private static let tenantRows: SQL = """
        SELECT id, tier, state = 'active' AS active, allowed_regions, cache_salt, allowed_addresses, throttle_ppm, masking, allowed_trust_classes,
            tokens_per_day, tokens_per_month, spend_per_month_micro_usd
        FROM serving.tenants WHERE state <> 'deleted'
        """

    private static let keyRows: SQL = """
        SELECT keys.id, keys.tenant_id, encode(keys.sha256, 'hex') AS digest, extract(epoch FROM keys.expires_at)::bigint AS expires_at,
            keys.models, keys.requests_per_minute, keys.tokens_per_minute, keys.concurrent_requests, keys.burst_requests, keys.burst_tokens,
            keys.tokens_per_day, keys.tokens_per_month, keys.spend_per_month_micro_usd, encode(keys.previous_sha256, 'hex') AS previous_digest,
            extract(epoch FROM keys.previous_expires_at)::bigint AS previous_expires_at,
            coalesce(keys.previous_expires_at > now(), false) AS overlaps,
            keys.allowed_addresses, keys.masking, keys.allowed_trust_classes, keys.purpose
        FROM serving.api_keys AS keys JOIN serving.tenants AS tenants ON tenants.id = keys.tenant_id
        WHERE keys.revoked_at IS NULL AND tenants.state <> 'deleted' AND (keys.expires_at IS NULL OR keys.expires_at > now() - interval '1 day')
        """

    private static let tierRows: SQL = """
        SELECT name, max_prompt_tokens, max_output_tokens, max_body_bytes, requests_per_minute, tokens_per_minute, concurrent_requests,
            max_table_age_seconds, ttft_objective_microseconds, priority, \(PromisedTiers.condition("tiers")) AS protected, floor_percent,
            queue_requests, queue_bytes, queue_wait_microseconds, burst_percent, nullif(reserved_percent, 0) AS reserved_percent, tenant_share_percent, batch_deadline_seconds,
            burst_requests, burst_tokens, tokens_per_day, tokens_per_month, spend_per_month_micro_usd,
            nullif(hedge_ppm, 0) AS hedge_ppm, nullif(continues_streams, false) AS continues_streams,
            nullif(ttlt_objective_microseconds, 8000000) AS ttlt_objective_microseconds,
            nullif(coalesce(micro_batch_window_ms, CASE capacity_policy WHEN 'shared' THEN 10 ELSE 0 END), 0) AS micro_batch_window_ms
        FROM serving.tiers WHERE state = 'active'
        """

    private static let modelRows: SQL = """
        SELECT name, context_tokens, extract(epoch FROM created_at)::bigint AS created_at, tiers, long_context_tokens, kind, probe_prompt, probe_answer
        FROM serving.models WHERE state = 'active'
        """

    private static let releaseRows: SQL = """
        SELECT releases.name, releases.model, weights.weight_ppm, former.weight_ppm AS former_ppm,
            extract(epoch FROM former.lost_at)::bigint AS lost_at
        FROM serving.releases AS releases
        LEFT JOIN serving.former_release_share AS former ON former.release = releases.name
        LEFT JOIN serving.current_routing_weights AS weights ON weights.scope = 'release' AND weights.subject = releases.name
        WHERE releases.state = 'active'
        """

    /// A host that is silent keeps its workers here: whether a link lives is for gateways to judge.
    private static let workerRows: SQL = """
        SELECT workers.id, workers.host_id, pools.provider, hosts.pool, hosts.region, releases.model, workers.release, workers.dialect,
            workers.served_model, hosts.link, hosts.link_address, hosts.intent = 'drain' AS draining, workers.slots, workers.context_tokens,
            workers.weight_ppm, nullif(pools.context_class, 'standard') AS context_class,
            nullif(coalesce(workers.trust_class, providers.trust_class), 'standard') AS trust_class, pools.hour_price_micro_usd,
            nullif(coalesce(scores.admitted, false), true) AS paid, nullif(coalesce(scores.low, false), false) AS low_score,
            pool_weights.weight_ppm AS pool_weight, provider_weights.weight_ppm AS provider_weight, drill.kind AS drill, drill.delay_milliseconds AS drill_delay, drill.compression AS drill_compression,
            ceil(extract(epoch FROM drill.until_at))::bigint AS drill_until
        FROM serving.workers AS workers
        JOIN serving.hosts AS hosts ON hosts.id = workers.host_id
        JOIN serving.pools AS pools ON pools.name = hosts.pool
        JOIN serving.providers AS providers ON providers.name = pools.provider
        JOIN serving.releases AS releases ON releases.name = workers.release
        JOIN serving.models AS models ON models.name = releases.model
        LEFT JOIN reliability.provider_score AS scores ON scores.provider = pools.provider
        LEFT JOIN serving.current_routing_weights AS pool_weights ON pool_weights.scope = 'pool' AND pool_weights.subject = hosts.pool
        LEFT JOIN serving.current_routing_weights AS provider_weights
            ON provider_weights.scope = 'provider' AND provider_weights.subject = pools.provider
        LEFT JOIN reliability.drill AS drill ON drill.ended_at IS NULL AND drill.until_at > now() AND drill.kind <> 'control-loss'
            AND (drill.worker_id IS NULL OR drill.worker_id = workers.id) AND (drill.provider IS NULL OR drill.provider = pools.provider)
            AND (drill.region IS NULL OR drill.region = hosts.region)
        WHERE workers.accepted AND workers.retired_at IS NULL AND hosts.state = 'active' AND pools.state = 'active'
            AND providers.state = 'active' AND releases.state = 'active' AND models.state = 'active'
        """

    /// Limits are shared among these. Whoever let its certificate expire has been away for a day.
    private static let gatewayRows: SQL = """
        SELECT gateways.id, gateways.region, coalesce(advertise, '') AS advertise, ceil(extract(epoch FROM drill.until_at))::bigint AS alone_until
        FROM serving.gateways AS gateways
        LEFT JOIN reliability.drill AS drill ON drill.ended_at IS NULL AND drill.until_at > now() AND drill.kind = 'control-loss'
            AND (drill.region IS NULL OR drill.region = gateways.region)
        WHERE gateways.state = 'active' AND certificate_not_after > now()
        """

    private static let ruleRows: SQL = """
        SELECT rules.id, rules.tenant_id, rules.kind, rules.pattern, rules.case_sensitive, rules.action, rules.message
        FROM serving.rules AS rules LEFT JOIN serving.tenants AS tenants ON tenants.id = rules.tenant_id
        WHERE rules.state = 'active' AND (rules.tenant_id IS NULL OR tenants.state <> 'deleted')
        """

    /// Those that record now. One for all keys holds what its maker may ask and read, now and not only when it was made.
    private static let captureRows: SQL = """
        SELECT r.id, r.tenant_id, r.key_id, r.key_only, r.record_limit, extract(epoch FROM least(r.expires_at, maker.expires_at))::bigint AS expires_at,
            CASE WHEN r.key_only OR maker.models IS NULL THEN r.models WHEN r.models IS NULL THEN maker.models
                ELSE ARRAY(SELECT unnest(r.models) INTERSECT SELECT unnest(maker.models) ORDER BY 1) END AS models
        FROM serving.captures AS r JOIN serving.api_keys AS maker ON maker.id = r.key_id JOIN serving.tenants AS tenant ON tenant.id = r.tenant_id
        WHERE r.erased_at IS NULL AND r.expires_at > now() AND maker.revoked_at IS NULL AND (maker.expires_at IS NULL OR maker.expires_at > now())
            AND tenant.state = 'active' AND (r.key_only OR maker.reads_reports)
        """

    /// Those that gateways carry out; what a person or an agent does is theirs.
    private static let mitigationRows: SQL = """
        SELECT id, action, tier, model, region, worker_id, provider, pool, release, tenant_id, to_model, to_region, value, incident_id,
            ceil(extract(epoch FROM expires_at))::bigint AS expires_at
        FROM reliability.mitigation
        WHERE state = 'active' AND mode <> 'dry_run' AND expires_at > now() AND action = ANY(\(MitigationEntry.Action.allCases.map(\.rawValue)))
        """

    /// Those that hold and those that are to come.
    private static let priceRows: SQL = """
        SELECT prices.version, prices.model, prices.tier, prices.service_class, extract(epoch FROM prices.effective_from)::bigint AS effective_from,
            prices.prompt_price_pico_usd, prices.cached_prompt_price_pico_usd, prices.completion_price_pico_usd
        FROM serving.prices AS prices
        JOIN serving.models AS models ON models.name = prices.model AND models.state = 'active'
        JOIN serving.tiers AS tiers ON tiers.name = prices.tier AND tiers.state = 'active'
        WHERE prices.effective_until IS NULL OR prices.effective_until > now()
        """

    private static let deniedRows: SQL = """
        SELECT 'agent' AS role, id, extract(epoch FROM denied_until)::bigint AS until FROM serving.hosts WHERE denied_until > now()
        UNION ALL
        SELECT 'gateway', id, extract(epoch FROM denied_until)::bigint FROM serving.gateways WHERE denied_until > now()
        """
}

extension TableFacts {
    private static func tenant(_ row: PostgresRow) throws -> TenantEntry {
        TenantEntry(
            id: try row.id("id"), tier: try row.value("tier"), active: try row.value("active"), allowedRegions: try row.value("allowed_regions"),
            cacheSalt: try row.value("cache_salt"), allowedTrustClasses: try row.value("allowed_trust_classes"),
            allowedAddresses: try row.value("allowed_addresses"), throttlePpm: try row.value("throttle_ppm"),
            masking: try row.value("masking"), tokensPerDay: try row.value("tokens_per_day"),
            tokensPerMonth: try row.value("tokens_per_month"), spendPerMonthMicroUsd: try row.value("spend_per_month_micro_usd"))
    }

    private static func key(_ row: PostgresRow) throws -> KeyEntry {
        let overlaps: Bool = try row.value("overlaps")
        return KeyEntry(
            id: try row.id("id"), tenant: try row.id("tenant_id"), sha256Hex: try row.value("digest"), expiresAtSeconds: try row.value("expires_at"),
            models: try row.value("models"), requestsPerMinute: try row.value("requests_per_minute"),
            tokensPerMinute: try row.value("tokens_per_minute"), concurrentRequests: try row.value("concurrent_requests"),
            allowedTrustClasses: try row.value("allowed_trust_classes"), allowedAddresses: try row.value("allowed_addresses"),
            masking: try row.value("masking"), burstRequests: try row.value("burst_requests"), burstTokens: try row.value("burst_tokens"),
            tokensPerDay: try row.value("tokens_per_day"), tokensPerMonth: try row.value("tokens_per_month"),
            spendPerMonthMicroUsd: try row.value("spend_per_month_micro_usd"),
            previousSha256Hex: overlaps ? try row.value("previous_digest") : nil,
            previousExpiresAtSeconds: overlaps ? try row.value("previous_expires_at") : nil,
            purpose: try row.value("purpose", as: String?.self).flatMap(KeyPurpose.init))
    }

    private static func price(_ row: PostgresRow) throws -> PriceEntry {
        PriceEntry(
            version: try row.value("version"), model: try row.value("model"), tier: try row.value("tier"),
            serviceClass: try row.value("service_class"), effectiveFromSeconds: try row.value("effective_from"),
            promptPicoUsd: try row.value("prompt_price_pico_usd"), cachedPromptPicoUsd: try row.value("cached_prompt_price_pico_usd"),
            completionPicoUsd: try row.value("completion_price_pico_usd"))
    }

    private static func tier(_ row: PostgresRow) throws -> TierEntry {
        TierEntry(
            name: try row.value("name"), maxPromptTokens: try row.value("max_prompt_tokens"), maxOutputTokens: try row.value("max_output_tokens"),
            maxBodyBytes: try row.value("max_body_bytes"), requestsPerMinute: try row.value("requests_per_minute"),
            tokensPerMinute: try row.value("tokens_per_minute"), concurrentRequests: try row.value("concurrent_requests"),
            maxTableAgeSeconds: try row.value("max_table_age_seconds"), ttftObjectiveMicroseconds: try row.value("ttft_objective_microseconds"),
            burstRequests: try row.value("burst_requests"), burstTokens: try row.value("burst_tokens"),
            tokensPerDay: try row.value("tokens_per_day"), tokensPerMonth: try row.value("tokens_per_month"),
            spendPerMonthMicroUsd: try row.value("spend_per_month_micro_usd"),
            hedgePpm: try row.value("hedge_ppm"), continuesStreams: try row.value("continues_streams"),
            queue: try tierQueue(row), ttltObjectiveMicroseconds: try row.value("ttlt_objective_microseconds"),
            microBatchWindowMilliseconds: try row.value("micro_batch_window_ms"))
    }

    /// What customers pay for is protected; what is left over when nobody pays for it is not.
    private static func tierQueue(_ row: PostgresRow) throws -> TierQueue {
        TierQueue(
            priority: try row.value("priority"), isProtected: try row.value("protected"), floorPercent: try row.value("floor_percent"),
            requests: try row.value("queue_requests"), bytes: try row.value("queue_bytes"),
            waitMicroseconds: try row.value("queue_wait_microseconds"), burstPercent: try row.value("burst_percent"),
            reservedPercent: try row.value("reserved_percent"),
            tenantSharePercent: try row.value("tenant_share_percent"), batchDeadlineSeconds: try row.value("batch_deadline_seconds"))
    }

    private static func model(_ row: PostgresRow) throws -> ModelEntry {
        ModelEntry(
            name: try row.value("name"), contextTokens: try row.value("context_tokens"), createdAtSeconds: try row.value("created_at"),
            tiers: try row.value("tiers"), releaseWeights: [:], longContextTokens: try row.value("long_context_tokens"), kind: try kind(row),
            probePrompt: try row.value("probe_prompt"), probeAnswer: try row.value("probe_answer"))
    }

    /// What most are is not said, so that gateways of an older release find the entry that they know.
    private static func kind(_ row: PostgresRow) throws -> ModelKind? {
        let name: String = try row.value("kind")
        guard let kind = ModelKind(rawValue: name) else { throw PostgresError(.decoding, "a model's kind is not known here") }
        return kind == .generation ? nil : kind
    }

    private static func release(_ row: PostgresRow) throws -> Release {
        let former = try row.value("former_ppm", as: Int?.self)
        return Release(
            name: try row.value("name"), model: try row.value("model"), weight: try row.value("weight_ppm"),
            former: try former.map { FormerShare(weightPpm: $0, lostAtSeconds: try row.value("lost_at")) })
    }

    private static func worker(_ row: PostgresRow) throws -> Worker {
        let dialect: String = try row.value("dialect")
        let contextClass: String? = try row.value("context_class")
        guard let dialect = RuntimeDialect(rawValue: dialect) else { throw PostgresError(.decoding, "a worker's dialect is not known here") }
        let entry = WorkerEntry(
            id: try row.id("id"), host: try row.id("host_id"), provider: try row.value("provider"), pool: try row.value("pool"),
            region: try row.value("region"), model: try row.value("model"), release: try row.value("release"), dialect: dialect,
            servedModel: try row.value("served_model"), link: LinkClass(rawValue: try row.value("link")) ?? .tunnel,
            address: try row.value("link_address"), draining: try row.value("draining"), slots: try row.value("slots"),
            contextTokens: try row.value("context_tokens"), weight: try row.value("weight_ppm"),
            trustClass: try row.value("trust_class"),
            hourPriceMicroUsd: try row.value("hour_price_micro_usd"), contextClass: contextClass.flatMap(ContextClass.init),
            paid: try row.value("paid"), lowScore: try row.value("low_score"), drill: try drill(row))
        return Worker(entry: entry, poolWeight: try row.value("pool_weight"), providerWeight: try row.value("provider_weight"))
    }

    private static func gateway(_ row: PostgresRow) throws -> GatewayEntry {
        GatewayEntry(
            id: try row.id("id"), region: try row.value("region"), address: try row.value("advertise"),
            aloneUntilSeconds: try row.value("alone_until"))
    }

    private static func drill(_ row: PostgresRow) throws -> DrillEffect? {
        guard let kind = try row.value("drill", as: String?.self).flatMap(DrillKind.init), let effect = kind.effect else { return nil }
        let compression: Int = try row.value("drill_compression")
        return DrillEffect(
            effect: effect.rawValue, delayMilliseconds: try row.value("drill_delay"),
            probeSeconds: compression > 1 ? max(30 / compression, 1) : nil, untilSeconds: try row.value("drill_until"))
    }

    private static func rule(_ row: PostgresRow) throws -> RuleEntry {
        guard let kind = RuleEntry.Kind(rawValue: try row.value("kind")), let action = RuleEntry.Action(rawValue: try row.value("action")) else {
            throw PostgresError(.decoding, "a rule's kind or action is not known here")
        }
        return RuleEntry(
            id: try row.id("id"), tenant: try row.value("tenant_id", as: UUID?.self)?.lowercased, kind: kind, pattern: try row.value("pattern"),
            caseSensitive: try row.value("case_sensitive"), action: action, message: try row.value("message"))
    }

    private static func capture(_ row: PostgresRow) throws -> CaptureEntry {
        CaptureEntry(
            id: try row.id("id"), tenant: try row.id("tenant_id"), key: try row.value("key_only", as: Bool.self) ? try row.id("key_id") : nil,
            models: try row.value("models"), expiresAtSeconds: try row.value("expires_at"), limit: try row.value("record_limit"))
    }

    private static func mitigation(_ row: PostgresRow) throws -> MitigationEntry {
        MitigationEntry(
            id: try row.id("id"), action: try row.value("action"), tier: try row.value("tier"), model: try row.value("model"),
            region: try row.value("region"), worker: try row.value("worker_id", as: UUID?.self)?.lowercased,
            provider: try row.value("provider"), pool: try row.value("pool"), release: try row.value("release"),
            tenant: try row.value("tenant_id", as: UUID?.self)?.lowercased, toModel: try row.value("to_model"),
            toRegion: try row.value("to_region"), value: try row.value("value"),
            cause: try row.value("incident_id", as: UUID?.self)?.lowercased, expiresAtSeconds: try row.value("expires_at"))
    }

    private static func denied(_ row: PostgresRow, trustDomain: String) throws -> DeniedEntry {
        guard let role = PeerIdentity.Role(rawValue: try row.value("role")) else { throw PostgresError(.decoding, "no such role") }
        let identity = PeerIdentity(trustDomain: trustDomain, role: role, id: try row.value("id"))
        return DeniedEntry(identity: identity.description, untilSeconds: try row.value("until"))
    }
}

extension PostgresRow {
    /// A UUID as it stands on the wire.
    func id(_ column: String) throws -> String {
        try value(column, as: UUID.self).lowercased
    }
}
