import HTTPWire

/// Fills a fresh installation through the admin API. Everything is made when it is missing and left alone when it is there.
struct DevBootstrap: Sendable {
    static let tiers = ["hobby", "pro", "business"]
    /// Among the keys, that of the load of drills.
    static let drills = "drill"
    static let region = "local"

    let client: AdminClient
    let runtime: DevRuntime

    /// - Parameter known: keys by tier that an earlier start has made.
    /// - Returns: keys by tier.
    func run(known: [String: String], progress: ProgressLine) async throws -> [String: String] {
        progress.show("tiers and tenants")
        for (index, tier) in Self.tiers.enumerated() { try await ensure("tiers", tier, Self.tier(tier, index)) }
        for tier in Self.tiers {
            try await ensure("tenants", "demo-\(tier)", [("display_name", .string("Demonstration, \(tier)")), ("tier", .string(tier))])
        }
        progress.show("providers and models")
        for provider in DevLayout.providers {
            try await ensure("providers", provider, [("display_name", .string("Provider \(provider)")), ("kind", .string("independent"))])
            try await ensure("pools", "\(provider)-\(Self.region)", [("provider", .string(provider)), ("region", .string(Self.region))])
        }
        try await ensure(
            "models", runtime.model, [("display_name", .string(runtime.model)), ("context_tokens", .integer(Int64(runtime.contextTokens)))])
        try await ensure("releases", runtime.release, [("model", .string(runtime.model)), ("dialects", .array([.string(runtime.dialect)]))])
        for tier in Self.tiers {
            try await ensureSKU(tier)
            try await ensurePrice(tier)
        }
        try await nameStatusPage()
        progress.show("keys")
        var keys = known
        for tier in Self.tiers where keys[tier] == nil { keys[tier] = try await makeKey(tier) }
        if keys[Self.drills] == nil { keys[Self.drills] = try await makeKey("pro", purpose: "drill") }
        return keys
    }

    /// A one-use token for the gateway (no pool) or for an agent of a pool.
    func joinToken(pool: String?) async throws -> String {
        let body: JSONValue =
            pool.map { .members(("role", .string("agent")), ("pool", .string($0))) }
            ?? .members(("role", .string("gateway")), ("region", .string(Self.region)))
        let answer = try await client.change("POST", "enrolment-tokens", body)
        guard let token = answer["token"]?.string else { throw CommandFailure(.refused, "the control plane gave no join token") }
        return token
    }

    /// For the control plane's probes of the public endpoint: one to ask with, and one to ask too often with, a line each.
    func probeKeys() async throws -> String {
        let limits: [(String, JSONValue)] = [("requests_per_minute", .integer(1)), ("burst_requests", .integer(1))]
        return try await makeProbeKey("probes", []) + "\n" + makeProbeKey("limits", limits) + "\n"
    }

    private func makeProbeKey(_ name: String, _ limits: [(String, JSONValue)]) async throws -> String {
        var wish = JSONObject()
        let tenant = "demo-\(Self.tiers.last ?? "")"
        for (field, value) in [("tenant", .string(tenant)), ("name", .string(name)), ("purpose", .string("probe"))] + limits {
            _ = wish.append(field, value)
        }
        let answer = try await client.change("POST", "keys", .object(wish))
        guard let secret = answer["secret"]?.string else { throw CommandFailure(.refused, "the control plane gave no key") }
        return secret
    }

    /// - Parameter purpose: Nil: a customer's.
    private func makeKey(_ tier: String, purpose: String? = nil) async throws -> String {
        var wish = JSONObject()
        for (name, value) in [("tenant", "demo-\(tier)"), ("name", purpose.map { "\($0)s" } ?? "demonstration"), ("purpose", purpose)] {
            if let value { _ = wish.append(name, .string(value)) }
        }
        let answer = try await client.change("POST", "keys", .object(wish))
        guard let secret = answer["secret"]?.string else { throw CommandFailure(.refused, "the control plane gave no key") }
        return secret
    }

    private func ensureSKU(_ tier: String) async throws {
        let name = "\(runtime.model)-\(tier)"
        let isNew = try await ensure(
            "skus", name,
            [
                ("model", .string(runtime.model)), ("tier", .string(tier)), ("primary_region", .string(Self.region)),
                ("prompt_price_pico_usd", .integer(100_000)), ("completion_price_pico_usd", .integer(400_000)),
            ])
        guard isNew else { return }
        try await asPerson { first in
            _ = try await first.change("PATCH", "skus/\(name)", .members(("override_reason", .string("demonstration"))))
        }
        try await asPerson { second in
            _ = try await second.change("PATCH", "skus/\(name)", .members(("state", .string("active"))))
        }
    }

    /// Whoever reads it sees where support would be named.
    private func nameStatusPage() async throws {
        guard try await client.get("status-page")["support_contact"]?.string == nil else { return }
        _ = try await client.change(
            "PATCH", "status-page", .members(("name", .string("Plimsoll demonstration")), ("support_contact", .string("support@plimsoll.example"))))
    }

    /// A SKU that is not proven is put into force by two people, each with a token that the installation's first one made: here for that alone.
    private func asPerson(_ body: (AdminClient) async throws -> Void) async throws {
        let made = try await client.change("POST", "tokens", .members(("name", .string("demonstration")), ("role", .string("operator"))))
        guard let secret = made["secret"]?.string, let id = made["id"]?.string else {
            throw CommandFailure(.refused, "the control plane gave no token")
        }
        try await body(client.holding(token: secret))
        _ = try await client.change("POST", "tokens/\(id)/revoke", .members(("reason", .string("demonstration"))))
    }

    private func ensurePrice(_ tier: String) async throws {
        let known = try await client.all("prices", filters: [("model", runtime.model), ("tier", tier)])
        guard known.isEmpty else { return }
        _ = try await client.change(
            "POST", "prices",
            .members(
                ("model", .string(runtime.model)), ("tier", .string(tier)), ("prompt_price_pico_usd", .integer(100_000)),
                ("cached_prompt_price_pico_usd", .integer(25_000)), ("completion_price_pico_usd", .integer(400_000)),
                ("reason", .string("demonstration"))))
    }

    /// True when it was made now.
    @discardableResult
    private func ensure(_ path: String, _ name: String, _ fields: [(String, JSONValue)]) async throws -> Bool {
        let names = try await client.all(path).compactMap { $0["name"]?.string }
        guard !names.contains(name) else { return false }
        var document = JSONObject()
        for (field, value) in [("name", .string(name))] + fields { _ = document.append(field, value) }
        _ = try await client.change("POST", path, .object(document))
        return true
    }

    /// Wide enough that no drill on one machine runs into them, and still three different tiers.
    private static func tier(_ name: String, _ index: Int) -> [(String, JSONValue)] {
        let factor = Int64([1, 10, 20][index])
        return [
            ("display_name", .string(name.prefix(1).uppercased() + name.dropFirst())),
            ("capacity_policy", .string(["shared", "warm_regional", "preallocated"][index])), ("priority", .integer(Int64(index * 10 + 10))),
            ("max_prompt_tokens", .integer(16_384)), ("max_output_tokens", .integer(4096)), ("max_body_bytes", .integer(1 << 20)),
            ("requests_per_minute", .integer(60_000 * factor)), ("tokens_per_minute", .integer(20_000_000 * factor)),
            ("concurrent_requests", .integer(200 * factor)), ("max_table_age_seconds", .integer(86_400)),
            ("ttft_objective_microseconds", .integer(1_500_000)),
            // A processor serves a handful at once: a demonstration waits rather than be refused by an objective that it cannot keep.
            ("queue_wait_microseconds", .integer(120_000_000)), ("batch_deadline_seconds", .integer(900)),
            ("tenant_share_percent", .integer([50, 100, 100][index])), ("burst_percent", .integer([0, 5, 5][index])),
            ("reserved_percent", .integer([0, 0, 5][index])),
        ]
    }
}
