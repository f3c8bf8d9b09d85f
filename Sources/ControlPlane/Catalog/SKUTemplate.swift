import HTTPWire
import Postgres

/// A usual product as a proposal: what its SKU says, the tier that it is sold in, and how dear it is beside the model's least price.
struct SKUTemplate: Sendable {
    /// Also the name of the tier that it proposes.
    let name: String
    let purpose: String
    var serviceClass = "interactive"
    var contextClass = "standard"
    /// Of the least interactive price of the model that holds, parts per million.
    let priceFactorPpm: Int64
    let tier: Tier

    /// What the tier of that name is made with when there is none: caps and objectives fit the purpose, quotas are a beginning.
    struct Tier: Sendable {
        let displayName: String
        var capacityPolicy = "warm_regional"
        let priority: Int64
        let maxPromptTokens: Int64
        let maxOutputTokens: Int64
        var maxBodyBytes: Int64 = 1 << 20
        var requestsPerMinute: Int64 = 600
        let tokensPerMinute: Int64
        var concurrentRequests: Int64 = 32
        let firstTokenMicroseconds: Int64
        /// Of 256 tokens.
        let lastTokenMicroseconds: Int64
    }

    /// From the tightest to the loosest.
    static let all = [
        SKUTemplate(
            name: "live-chat", purpose: "People wait for each word: short prompts and answers, the tightest objective.", priceFactorPpm: 1_250_000,
            tier: Tier(
                displayName: "Live chat", priority: 18, maxPromptTokens: 8_000, maxOutputTokens: 1_000, tokensPerMinute: 400_000,
                firstTokenMicroseconds: 800_000, lastTokenMicroseconds: 6_000_000)),
        SKUTemplate(
            name: "support", purpose: "Tickets and help desks: a history before the question, answers of a page.", priceFactorPpm: 1_000_000,
            tier: Tier(
                displayName: "Support", priority: 16, maxPromptTokens: 12_000, maxOutputTokens: 2_000, tokensPerMinute: 400_000,
                firstTokenMicroseconds: 1_500_000, lastTokenMicroseconds: 8_000_000)),
        SKUTemplate(
            name: "rag", purpose: "Retrieved passages before the question: long prompts that are read, short answers.", priceFactorPpm: 1_100_000,
            tier: Tier(
                displayName: "Retrieval", priority: 14, maxPromptTokens: 24_000, maxOutputTokens: 2_000, maxBodyBytes: 2 << 20,
                tokensPerMinute: 800_000, firstTokenMicroseconds: 2_500_000, lastTokenMicroseconds: 10_000_000)),
        SKUTemplate(
            name: "seo", purpose: "Texts by the thousand, overnight: nobody waits, so they are batch and cheap.", serviceClass: "batch",
            priceFactorPpm: 500_000,
            tier: Tier(
                displayName: "Text production", capacityPolicy: "shared", priority: 5, maxPromptTokens: 8_000, maxOutputTokens: 4_000,
                tokensPerMinute: 400_000, firstTokenMicroseconds: 5_000_000, lastTokenMicroseconds: 20_000_000)),
        SKUTemplate(
            name: "long-documents",
            purpose: "Whole contracts and reports: they fill a worker's cache, so they are dear and their objective is loose.",
            contextClass: "long", priceFactorPpm: 2_000_000,
            tier: Tier(
                displayName: "Long documents", priority: 12, maxPromptTokens: 120_000, maxOutputTokens: 4_000, maxBodyBytes: 8 << 20,
                requestsPerMinute: 60, tokensPerMinute: 1_000_000, concurrentRequests: 8, firstTokenMicroseconds: 15_000_000,
                lastTokenMicroseconds: 30_000_000)),
    ]

    static func named(_ name: String) -> SKUTemplate? { all.first { $0.name == name } }

    /// A price by its factor, rounded up; within what a price may be.
    func price(_ base: Int64) -> Int64 { min((base * priceFactorPpm + 999_999) / 1_000_000, 1_000_000_000_000) }

    var document: JSONObject {
        JSONObject([
            ("name", .string(name)), ("purpose", .string(purpose)), ("service_class", .string(serviceClass)),
            ("context_class", .string(contextClass)), ("price_factor_ppm", .integer(priceFactorPpm)), ("tier", .object(tierDocument)),
        ])
    }

    /// A creation of its tier.
    var tierDocument: JSONObject {
        JSONObject([
            ("name", .string(name)), ("display_name", .string(tier.displayName)), ("capacity_policy", .string(tier.capacityPolicy)),
            ("priority", .integer(tier.priority)), ("max_prompt_tokens", .integer(tier.maxPromptTokens)),
            ("max_output_tokens", .integer(tier.maxOutputTokens)), ("max_body_bytes", .integer(tier.maxBodyBytes)),
            ("requests_per_minute", .integer(tier.requestsPerMinute)), ("tokens_per_minute", .integer(tier.tokensPerMinute)),
            ("concurrent_requests", .integer(tier.concurrentRequests)), ("max_table_age_seconds", .integer(86_400)),
            ("ttft_objective_microseconds", .integer(tier.firstTokenMicroseconds)),
            ("ttlt_objective_microseconds", .integer(tier.lastTokenMicroseconds)),
        ])
    }

    static let list = AdminRoute.read("sku-templates") { call, databases in
        let documents = all.map { AdminJSON.text(.object($0.document)) }
        let listing = Listing(
            document: "r.document", source: "unnest(\(all.map(\.name))::text[], \(documents)::text[]) AS r (name, document)", order: "r.name",
            orderType: "text", id: "r.name", idType: "text")
        return try await listing.page(call, databases.serving)
    }
}

extension JSONObject {
    fileprivate init(_ members: [(String, JSONValue)]) {
        self.init()
        for (name, value) in members { set(name, value) }
    }
}
