import Domain
import FoundationEssentials
import HTTPTypes
import Postgres

/// One request as an operator asks about it: its usage record and how it was routed, or why it was refused.
enum RequestResource {
    static let single = AdminRoute.read("requests/{id}") { call, databases in
        try call.refuseQuery()
        guard let id = UUID(uuidString: call.reference) else { throw absence(of: call.reference, at: Date()) }
        let usage = try await UsageRecordResource.document(of: id, databases.billing)
        let decisions = try await databases.reliability.query(
            """
            SELECT (r.decision || json_build_object('gateway', r.gateway_id, 'received_at', serving.wire_time(r.received_at))::jsonb)::text AS document
            FROM reliability.request_decision AS r WHERE r.request_id = \(id) ORDER BY r.received_at
            """)
        // Refusals, and what gateways of the release before kept of requests that they admitted.
        var documents = try decisions.map { try $0.value("document", as: String.self) }
        documents += try await RequestRouting(databases: databases).documents(of: id)
        guard usage != nil || !documents.isEmpty else { throw absence(of: call.reference, at: Date()) }
        let name = id.uuidString.lowercased()
        let price = try await price(of: id, databases) ?? "null"
        let list = documents.joined(separator: ",")
        let missing =
            documents.isEmpty ? AdminJSON.string(missingRouting(of: id, isInterrupted: try await isInterrupted(id, databases), at: Date())) : "null"
        return AdminAnswer(
            body: #"{"request_id":"\#(name)","usage_record":\#(usage ?? "null"),"price":\#(price),"decisions":[\#(list)],"#
                + #""missing":\#(missing)}"#)
    }

    /// Why of a request that has a usage record nothing is known of candidates and attempts.
    static func missingRouting(of request: UUID, isInterrupted: Bool, at now: Date) -> String {
        let given = RequestId(request.uuidString.lowercased()).map { now.timeIntervalSince1970 - Double($0.milliseconds) / 1_000 }
        switch given {
        case .some(604_800...): return "candidates and attempts are kept for a week"
        case _ where isInterrupted: return "its gateway was killed while it waited for a worker, or is of the release before"
        default:
            return "its gateway is of the release before, which records no candidates and attempts, or of a later one, whose form is not known here"
        }
    }

    private static func isInterrupted(_ request: UUID, _ databases: ControlDatabases) async throws -> Bool {
        let row = try await databases.billing.queryOne(
            "SELECT 1 AS one FROM billing.usage_event WHERE request_id = \(request) AND error_code = 'interrupted'")
        return row != nil
    }

    /// Why nothing is found, as far as the id tells, which has the moment in it at which it was given.
    static func absence(of reference: String, at now: Date) -> AdminRefusal {
        let given = RequestId(reference).map { now.timeIntervalSince1970 - Double($0.milliseconds) / 1_000 }
        let why =
            switch given {
            case .some(-300..<20): "gateways tell what they refused every five seconds, and what they answered within a second; ask again in a moment"
            case .some(20..<172_800):
                "nothing was told of it: it was not admitted, still runs, or its gateway is cut off. Of each loop and five seconds a gateway keeps 1,000 refusals, "
                    + "100 of those without a valid key; what was more is only counted (plimsoll_gateway_decisions_dropped_total)"
            case .some(172_800...(10 * 365 * 86_400)):
                "refusals are kept for two days, candidates and attempts for a week, records of usage for as long as retention.usage says"
            default: "this is no id that a gateway gave; the one that the customer saw is x-request-id of the answer"
            }
        return AdminRefusal(.notFound, code: "not_found", why)
    }

    /// The price that held, and what the request costs by it, as a JSON object.
    private static func price(of request: UUID, _ databases: ControlDatabases) async throws -> String? {
        let used = try await databases.billing.queryOne(
            """
            SELECT price_version, billable_prompt_tokens, cached_prompt_tokens, billable_completion_tokens FROM billing.usage_event
            WHERE request_id = \(request) AND price_version IS NOT NULL ORDER BY accepted_at LIMIT 1
            """)
        guard let used else { return nil }
        let version: Int64 = try used.value("price_version")
        let row = try await databases.serving.queryOne(
            """
            SELECT prompt_price_pico_usd, cached_prompt_price_pico_usd, completion_price_pico_usd FROM serving.prices WHERE version = \(version)
            """)
        guard let row else { return nil }
        let prices = TokenPrices(
            prompt: try row.value("prompt_price_pico_usd"), cachedPrompt: try row.value("cached_prompt_price_pico_usd"),
            completion: try row.value("completion_price_pico_usd"))
        let amount = prices.cost(
            prompt: try used.value("billable_prompt_tokens"), cached: try used.value("cached_prompt_tokens"),
            completion: try used.value("billable_completion_tokens"))
        return #"{"version":\#(version),"prompt_price_pico_usd":\#(prices.prompt),"cached_prompt_price_pico_usd":\#(prices.cachedPrompt),"#
            + #""completion_price_pico_usd":\#(prices.completion),"amount_usd":"\#(Rating.text(amount, places: 12))"}"#
    }
}
