/// What a gateway noticed of abuse since its last report: counts, never content.
package struct AbuseReport: Sendable, Codable {
    /// Requests of one tenant that a rule met.
    package struct RuleHit: Sendable, Codable, Equatable {
        package var rule: String
        package var tenant: String
        package var count: Int

        package init(rule: String, tenant: String, count: Int) {
            self.rule = rule
            self.tenant = tenant
            self.count = count
        }
    }

    package var hits: [RuleHit]
    /// Times that an address was locked because of keys that do not exist.
    package var locks: Int

    package init(hits: [RuleHit], locks: Int) {
        self.hits = hits
        self.locks = locks
    }
}
