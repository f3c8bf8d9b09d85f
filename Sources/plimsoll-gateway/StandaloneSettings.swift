import Domain
import Exchange
import Gateway
import PlimsollWire
import Program
import Telemetry

/// The one file of a standalone gateway. `docs/standalone.md` describes it.
struct StandaloneSettings {
    let gateway: EdgeSettings
    let table: StandaloneTable

    init(file: String) throws(SettingsFaults) {
        try self.init(SettingsReader(file: file, environment: ProcessEnvironment.current))
    }

    init(_ reader: SettingsReader) throws(SettingsFaults) {
        var edge = EdgeSettings(reader, defaultState: "/var/lib/plimsoll-standalone")
        edge.gateway.region = reader.string("region", default: "local")
        let tiers = reader.objects("tiers").map(Self.tier)
        let models = reader.objects("models")
        let keys = reader.objects("keys")
        if tiers.isEmpty { reader.fault("tiers", "must list at least one tier") }
        if models.isEmpty { reader.fault("models", "must list at least one model") }
        if keys.isEmpty { reader.fault("keys", "must list at least one key") }
        let known = models.map(Self.model)
        let prices = reader.objects("prices").enumerated().map { Self.price($1, version: $0 + 1, tiers, known) }
        let customers = keys.map { Self.key($0, tiers) }
        table = StandaloneTable(
            region: edge.gateway.region, tiers: tiers, models: known, keys: customers, upstreams: models.flatMap(Self.upstreams), prices: prices,
            rules: Self.rules(reader, tenants: Set(customers.map(\.tenant))))
        gateway = edge
        Self.checkNames(reader, tiers.map(\.name), "tiers")
        Self.checkReservations(reader, tiers)
        Self.checkNames(reader, table.models.map(\.name), "models")
        Self.checkNames(reader, table.keys.map(\.name), "keys")
        Self.checkTenants(reader, table.keys)
        try reader.finish()
    }

    private static func checkNames(_ reader: SettingsReader, _ names: [String], _ list: String) {
        for name in Set(names) where names.count(where: { $0 == name }) > 1 { reader.fault(list, "name \(name.debugDescription) twice") }
    }

    /// What a tenant has is its tier's, and a secret opens one key.
    private static func checkTenants(_ reader: SettingsReader, _ keys: [StandaloneTable.Key]) {
        for (tenant, own) in Dictionary(grouping: keys, by: \.tenant) where Set(own.map(\.tier)).count > 1 {
            reader.fault("keys", "those of tenant \(tenant.debugDescription) are of several tiers")
        }
        let missing = StandaloneTable.Key.hash("")
        for (hash, own) in Dictionary(grouping: keys, by: \.entry.sha256Hex) where own.count > 1 && hash != missing {
            reader.fault("keys", "\(own.map(\.name.debugDescription).joined(separator: " and ")) are the same secret")
        }
    }

    /// Slots are told apart by the rank of who holds them.
    private static func checkReservations(_ reader: SettingsReader, _ tiers: [TierEntry]) {
        let ranks = tiers.map { $0.queue?.priority ?? 0 }
        let own = tiers.filter { $0.queue?.reservedPercent ?? 0 > 0 }
        for tier in own where ranks.count(where: { $0 == tier.queue?.priority ?? 0 }) > 1 {
            reader.fault("tiers", "\(tier.name.debugDescription) has reserved_percent, and needs a priority of its own")
        }
        let sum = own.reduce(0) { $0 + ($1.queue?.reservedPercent ?? 0) }
        if sum > 80 { reader.fault("tiers", "reserve \(sum) per cent of the slots together, above 80") }
    }

    private static func tier(_ reader: SettingsReader) -> TierEntry {
        let range = TierLimits.range
        let tier = TierEntry(
            name: reader.string("name"), maxPromptTokens: reader.int("max_prompt_tokens", in: range),
            maxOutputTokens: reader.int("max_output_tokens", in: range), maxBodyBytes: reader.bytes("max_body_bytes", in: range),
            requestsPerMinute: reader.int("requests_per_minute", in: range), tokensPerMinute: reader.int("tokens_per_minute", in: range),
            concurrentRequests: reader.int("concurrent_requests", in: range), maxTableAgeSeconds: Int(Int32.max),
            ttftObjectiveMicroseconds: Int64(reader.int("first_token_objective_milliseconds", default: 1500, in: 1...600_000)) * 1000,
            burstRequests: optional(reader, "burst_requests"), burstTokens: optional(reader, "burst_tokens"),
            tokensPerDay: quota(reader, "tokens_per_day"), tokensPerMonth: quota(reader, "tokens_per_month"),
            spendPerMonthMicroUsd: quota(reader, "spend_per_month_micro_usd"),
            hedgePpm: reader.int("hedge_ppm", default: 0, in: 0...100_000),
            continuesStreams: reader.bool("continues_streams", default: false), queue: queue(reader))
        for fault in TierLimits(tier).validate() { reader.fault(fault.field, fault.message) }
        return tier
    }

    private static func queue(_ reader: SettingsReader) -> TierQueue {
        var queue = TierQueue()
        func optional(_ key: String, in range: ClosedRange<Int>) -> Int? { reader.has(key) ? reader.int(key, in: range) : nil }
        queue.priority = optional("priority", in: 0...100)
        queue.isProtected = reader.has("protected") ? reader.bool("protected", default: false) : nil
        queue.floorPercent = optional("floor_percent", in: 0...50)
        queue.requests = optional("queue_requests", in: 1...100_000)
        queue.bytes = reader.has("queue_bytes") ? reader.bytes("queue_bytes", in: (1 << 20)...(1 << 30)) : nil
        queue.waitMicroseconds = optional("queue_wait_milliseconds", in: 1...600_000).map { Int64($0) * 1000 }
        queue.burstPercent = optional("burst_percent", in: 0...50)
        queue.reservedPercent = optional("reserved_percent", in: 0...80)
        queue.tenantSharePercent = optional("tenant_share_percent", in: 1...100)
        queue.batchDeadlineSeconds = optional("batch_deadline_seconds", in: 1...86_400)
        return queue
    }

    private static func key(_ reader: SettingsReader, _ tiers: [TierEntry]) -> StandaloneTable.Key {
        let tier = reader.string("tier")
        if !tier.isEmpty, !tiers.contains(where: { $0.name == tier }) { reader.fault("tier", "is no tier of this file") }
        let name = reader.string("name")
        let secret = reader.secret("key").exposed
        if !KeyFormat.mayExist(secret) { reader.fault("key", "has our prefix and a wrong checksum") }
        var entry = KeyEntry(
            id: "", tenant: "", sha256Hex: StandaloneTable.Key.hash(secret), models: reader.has("models") ? reader.strings("models") : nil,
            requestsPerMinute: optional(reader, "requests_per_minute"), tokensPerMinute: optional(reader, "tokens_per_minute"),
            concurrentRequests: optional(reader, "concurrent_requests"),
            allowedTrustClasses: reader.has("allowed_trust_classes") ? reader.strings("allowed_trust_classes") : nil,
            burstRequests: optional(reader, "burst_requests"),
            burstTokens: optional(reader, "burst_tokens"), tokensPerDay: quota(reader, "tokens_per_day"),
            tokensPerMonth: quota(reader, "tokens_per_month"), spendPerMonthMicroUsd: quota(reader, "spend_per_month_micro_usd"))
        readProtection(reader, &entry)
        if let known = tiers.first(where: { $0.name == tier }), entry.tokensPerMinute != nil || entry.burstTokens != nil {
            let own = TierLimits(known).narrowed(tokensPerMinute: entry.tokensPerMinute, burstTokens: entry.burstTokens)
            for fault in own.validate() { reader.fault(fault.field, fault.message) }
        }
        return StandaloneTable.Key(name: name, tenant: reader.string("tenant", default: name), tier: tier, entry: entry)
    }

    private static func optional(_ reader: SettingsReader, _ key: String) -> Int? {
        reader.has(key) ? reader.int(key, in: TierLimits.range) : nil
    }

    private static func quota(_ reader: SettingsReader, _ key: String) -> Int64? {
        reader.has(key) ? Int64(reader.int(key, in: 1...1_000_000_000_000)) : nil
    }

    /// In pico-US-dollars for one token, which is US dollars for a million with six decimals.
    private static func price(_ reader: SettingsReader, version: Int, _ tiers: [TierEntry], _ models: [ModelEntry]) -> PriceEntry {
        let (model, tier) = (reader.string("model"), reader.string("tier"))
        if !model.isEmpty, !models.contains(where: { $0.name == model }) { reader.fault("model", "is no model of this file") }
        if !tier.isEmpty, !tiers.contains(where: { $0.name == tier }) { reader.fault("tier", "is no tier of this file") }
        let range = Int(TokenPrices.range.lowerBound)...Int(TokenPrices.range.upperBound)
        let prompt = reader.int("prompt_price_pico_usd", in: range)
        return PriceEntry(
            version: Int64(version), model: model, tier: tier,
            serviceClass: reader.choice("service_class", default: ServiceClass.interactive).rawValue,
            effectiveFromSeconds: Int64(reader.int("effective_from", default: 0, in: 0...Int(Int32.max) * 2)), promptPicoUsd: Int64(prompt),
            cachedPromptPicoUsd: Int64(reader.int("cached_prompt_price_pico_usd", default: prompt, in: range)),
            completionPicoUsd: Int64(reader.int("completion_price_pico_usd", in: range)))
    }

    private static func model(_ reader: SettingsReader) -> ModelEntry {
        ModelEntry(
            name: reader.string("name"), contextTokens: reader.int("context_tokens", in: 16...16_777_216),
            createdAtSeconds: Int64(reader.int("created_at", default: 0)), tiers: reader.strings("tiers"),
            releaseWeights: [StandaloneTable.release: 1_000_000],
            longContextTokens: reader.has("long_context_tokens") ? reader.int("long_context_tokens", in: 1...16_777_216) : nil,
            kind: reader.choice("kind", default: ModelKind.generation))
    }

    private static func upstreams(_ model: SettingsReader) -> [StandaloneTable.Upstream] {
        let name = model.string("name")
        let readers = model.objects("upstreams")
        if readers.isEmpty { model.fault("upstreams", "must list at least one runtime") }
        return readers.map { reader in
            let url = reader.string("url")
            if !url.isEmpty, RuntimeAddress(url: url) == nil { reader.fault("url", "must be http://host:port or unix:/path") }
            return StandaloneTable.Upstream(
                model: name, url: url, provider: reader.string("provider", default: "local"),
                dialect: reader.choice("dialect", default: RuntimeDialect.vllm), servedModel: reader.optionalString("served_model"),
                slots: reader.int("slots", default: 64, in: 1...100_000),
                contextClass: reader.choice("context_class", default: ContextClass.standard),
                kvTokens: reader.has("kv_tokens") ? reader.int("kv_tokens", in: 1...1_000_000_000) : nil,
                trustClass: reader.optionalString("trust_class"),
                hourPriceMicroUsd: reader.has("hour_price_micro_usd") ? Int64(reader.int("hour_price_micro_usd", in: 0...1_000_000_000_000)) : nil)
        }
    }
}

extension TierLimits {
    init(_ tier: TierEntry) {
        self.init(maxOutputTokens: tier.maxOutputTokens, tokensPerMinute: tier.tokensPerMinute, burstTokens: tier.burstTokens)
    }
}
