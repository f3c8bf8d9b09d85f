import FoundationEssentials
import Postgres

/// The ten business lines: by the installation's own data where it has any, else by what a person attests.
enum BusinessReadiness {
    static let lines = [
        ReadinessLine("quickstart", .business, "Customers have a quickstart of one page") {
            try await $0.attested("quickstart", missing: "where customers read it is not known here")
        },
        ReadinessLine("api-documents", .business, "Base URL, key format, model names and examples are documented") {
            try await $0.attested("api-documents", missing: "where customers read it is not known here")
        },
        ReadinessLine("prices", .business, "Prices per million tokens are set for everything that is sold", check: prices),
        ReadinessLine("quotas-in-plan", .business, "Quota and burst are written into every plan that is sold", check: quotas),
        ReadinessLine("sla-review", .business, "The SLA addendum was reviewed before use", check: review),
        ReadinessLine("status-page", .business, "The status page is up", check: statusPage),
        ReadinessLine("support", .business, "Customers know whom to ask and when", check: support),
        ReadinessLine("credits", .business, "Refunds and service credits are documented", check: credits),
        ReadinessLine("accounting", .business, "Accounting is prepared for token and fiat payments") {
            try await $0.attested("accounting", missing: "no rehearsal of the books is known")
        },
        ReadinessLine("data-policy", .business, "The data policy is published") {
            try await $0.attested("data-policy", missing: "where it is published is not known here")
        },
    ]

    @Sendable private static func prices(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let row = try await sources.serving(
            """
            SELECT count(*) AS sold, coalesce(string_agg(skus.name, ', ') FILTER (WHERE price.version IS NULL), '') AS unpriced,
                min(price.effective_from) AS at
            FROM serving.skus LEFT JOIN serving.prices AS price ON price.model = skus.model AND price.tier = skus.tier
                AND price.service_class = skus.service_class AND price.effective_from <= now()
                AND (price.effective_until IS NULL OR price.effective_until > now())
            WHERE skus.state = 'active'
            """)
        let (sold, unpriced): (Int, String) = (try row.value("sold"), try row.value("unpriced"))
        guard sold > 0 else { return .missing("nothing is sold: no SKU is active") }
        guard unpriced.isEmpty, let at = try row.value("at", as: Date?.self) else { return .missing("sold without a price in force: \(unpriced)") }
        return .proven("\(sold) sold SKUs, each with a price in force", at: at)
    }

    @Sendable private static func quotas(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let row = try await sources.serving(
            """
            SELECT count(*) AS sold, min(tiers.updated_at) AS at,
                coalesce(string_agg(tiers.name, ', ') FILTER (WHERE tiers.burst_requests IS NULL OR tiers.burst_tokens IS NULL), '') AS unwritten
            FROM serving.tiers WHERE EXISTS (SELECT 1 FROM serving.skus WHERE skus.tier = tiers.name AND skus.state = 'active')
            """)
        let (sold, unwritten): (Int, String) = (try row.value("sold"), try row.value("unwritten"))
        guard sold > 0, let at = try row.value("at", as: Date?.self) else { return .missing("nothing is sold: no SKU is active") }
        if !unwritten.isEmpty { return .missing("plans without an agreed burst: \(unwritten)", at: at) }
        return .proven("\(sold) sold plans, each with quota and burst, which customers read at /v1/usage", at: at)
    }

    /// Of terms that may be sold, and of those that contracts in force are made of.
    @Sendable private static func review(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let row = try await sources.reliability(
            """
            SELECT count(*) AS terms, min(reviewed_on)::timestamptz AS at,
                coalesce(string_agg(name || ' version ' || version, ', ') FILTER (WHERE reviewed_by_counsel IS NULL OR reviewed_on IS NULL), '')
                    AS unreviewed
            FROM reliability.terms WHERE state = 'active' OR EXISTS (SELECT 1 FROM reliability.agreement
                WHERE agreement.terms_id = terms.id AND agreement.state <> 'proposed' AND coalesce(agreement.ends_at > now(), true))
            """)
        let (terms, unreviewed): (Int, String) = (try row.value("terms"), try row.value("unreviewed"))
        guard terms > 0 else { return .missing("there are no terms") }
        guard unreviewed.isEmpty, let at = try row.value("at", as: Date?.self) else { return .missing("not reviewed by counsel: \(unreviewed)") }
        return .proven("\(terms) terms in force, each reviewed by counsel", at: at)
    }

    /// What is documented and cannot be computed is no promise that is kept.
    @Sendable private static func credits(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let row = try await sources.reliability(
            "SELECT count(*) AS failing, max(tried_at) AS at, min(month) AS month, min(reason) AS reason FROM reliability.credit_fault")
        let failing: Int = try row.value("failing")
        guard failing == 0 else {
            let (month, reason): (String, String) = (try row.value("month"), try row.value("reason"))
            return .missing(
                "credits that cannot be computed: \(failing), since \(month) (\(reason)); see plimsoll credits waiting list failing=yes",
                at: try row.value("at"))
        }
        return try await sources.attested("credits", missing: "where customers read how credits and refunds are computed is not known here")
    }

    /// As it was last found through the public endpoints.
    @Sendable private static func statusPage(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let row = try await sources.reliability(
            """
            SELECT count(*) AS looks, min(at) AS at, max(age_seconds) AS age, (SELECT page_url FROM reliability.status_settings) AS url,
                coalesce(string_agg(url || CASE status WHEN 0 THEN ' (no answer)' ELSE ' (' || status || ')' END, ', ' ORDER BY url)
                    FILTER (WHERE status <> 200 OR coalesce(age_seconds, 300) >= 300 OR at < now() - interval '10 minutes'), '') AS down
            FROM reliability.status_look
            """)
        let down: String = try row.value("down")
        guard try row.value("looks", as: Int.self) > 0, let at = try row.value("at", as: Date?.self) else {
            return .missing("nobody has looked at it from outside (outside_probes.endpoints)")
        }
        if !down.isEmpty { return .missing("it was not found up to date in the last ten minutes at: \(down)", at: at) }
        guard let url = try row.value("url", as: String?.self) else {
            return .missing("its address is not set (plimsoll status configure url=…)", at: at)
        }
        let (looks, age): (Int, Int64) = (try row.value("looks"), try row.value("age"))
        return .proven("\(url); found at \(looks) public endpoints, made at most \(age) s before", at: at)
    }

    @Sendable private static func support(_ sources: ReadinessSources) async throws -> ReadinessFinding {
        let row = try await sources.reliability("SELECT support_contact, support_hours, updated_at FROM reliability.status_settings")
        guard let contact = try row.value("support_contact", as: String?.self), let hours = try row.value("support_hours", as: String?.self) else {
            return .missing("no contact with hours is set (plimsoll status configure support_contact=… support_hours=…)")
        }
        return .proven("\(contact), \(hours)", at: try row.value("updated_at"))
    }
}
