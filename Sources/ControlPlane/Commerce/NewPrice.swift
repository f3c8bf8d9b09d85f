import FoundationEssentials
import Postgres

/// A version of a price that is to be written.
struct NewPrice: Sendable {
    /// Gateways must have heard of a price before it holds.
    private static let notice: Int64 = 60

    let model: String
    let tier: String
    let serviceClass: String
    /// Integer 10^-12 US dollars for one token, as the others.
    let prompt: Int64
    let cached: Int64
    let completion: Int64

    /// Writes it, to hold from an instant on or as soon as it may. Gives its version.
    func add(from wished: Date?, reason: String?, _ call: AdminCall, _ connection: PostgresConnection) async throws -> Int64 {
        try await check(connection)
        try await FreezeDesk.admit(.price, FreezeScope(model: model, tier: tier), subject: "price of \(model) for \(tier)", call, connection)
        let beginning = try await beginning(wished, connection)
        try await checkOtherClass(from: beginning, connection)
        let row = try await connection.queryOne(
            """
            INSERT INTO serving.price_versions (model, tier, service_class, effective_from, prompt_price_pico_usd, cached_prompt_price_pico_usd,
                completion_price_pico_usd, reason, actor)
            VALUES (\(model), \(tier), \(serviceClass), to_timestamp(\(beginning)::bigint), \(prompt), \(cached), \(completion), \(reason),
                \(call.actor.label)) RETURNING version
            """)
        guard let version = try row?.value("version", as: Int64.self) else { throw AdminRefusal.failed }
        return version
    }

    /// As the audit log keeps it.
    func document(reason: String) -> String {
        "{\"model\":\(AdminJSON.string(model)),\"tier\":\(AdminJSON.string(tier)),\"service_class\":\(AdminJSON.string(serviceClass)),"
            + "\"prompt_price_pico_usd\":\(prompt),\"cached_prompt_price_pico_usd\":\(cached),"
            + "\"completion_price_pico_usd\":\(completion),\"reason\":\(AdminJSON.string(reason))}"
    }

    private func check(_ connection: PostgresConnection) async throws {
        let models: SQL = "SELECT 1 FROM serving.models WHERE name = \(model) AND state <> 'deleted'"
        guard try await !connection.query(models).isEmpty else { throw AdminRefusal.fault("model", "does not exist") }
        let tiers: SQL = "SELECT 1 FROM serving.tiers WHERE name = \(tier) AND state <> 'deleted'"
        guard try await !connection.query(tiers).isEmpty else { throw AdminRefusal.fault("tier", "does not exist") }
    }

    /// Who can wait pays no more than who cannot: as long as this price holds, no token of a batch answer may cost more than one of an interactive one.
    private func checkOtherClass(from beginning: Int64, _ connection: PostgresConnection) async throws {
        let isBatch = serviceClass == "batch"
        let rows = try await connection.query(
            """
            SELECT prompt_price_pico_usd, cached_prompt_price_pico_usd, completion_price_pico_usd FROM serving.prices
            WHERE model = \(model) AND tier = \(tier) AND service_class = \(isBatch ? "interactive" : "batch")
                AND coalesce(effective_until > to_timestamp(\(beginning)::bigint), true)
            """)
        let own = [("prompt_price_pico_usd", prompt), ("cached_prompt_price_pico_usd", cached), ("completion_price_pico_usd", completion)]
        for row in rows {
            for (field, value) in own {
                let other: Int64 = try row.value(field)
                guard isBatch ? value > other : value < other else { continue }
                let words = isBatch ? "is above the interactive price of \(other)" : "is below the batch price of \(other)"
                throw AdminRefusal.fault(field, "\(words) that holds at the same time: a batch token may not cost more than an interactive one")
            }
        }
    }

    /// Seconds since 1970. The first price of its kind may hold at once; a later one begins after all others and is announced before it holds, so
    /// that every gateway pins the same version at the same instant. Whoever is here keeps others out until the transaction ends.
    private func beginning(_ wished: Date?, _ connection: PostgresConnection) async throws -> Int64 {
        let row = try await connection.queryOne(
            """
            SELECT pg_advisory_xact_lock(hashtextextended('price ' || \(model) || ' ' || \(tier), 0)),
                floor(extract(epoch FROM now()))::bigint AS now
            """)
        let last = try await connection.queryOne(
            """
            SELECT extract(epoch FROM max(effective_from))::bigint AS beginning FROM serving.price_versions
            WHERE model = \(model) AND tier = \(tier) AND service_class = \(serviceClass)
            """)
        let now: Int64 = try row?.value("now") ?? 0
        let previous: Int64? = try last?.value("beginning", as: Int64?.self)
        let earliest = previous.map { max($0 + 1, now + Self.notice) } ?? now
        guard let wished else { return earliest }
        let beginning = Int64(wished.timeIntervalSince1970)
        guard beginning >= (previous == nil ? now - Self.notice : earliest) else {
            let rule =
                previous == nil ? "must not be in the past" : "must be after the versions that there are, and at least \(Self.notice) seconds ahead"
            throw AdminRefusal.fault("effective_from", rule)
        }
        return beginning
    }
}
