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
    /// Nil: the gateway's release does not tell.
    package var uses: [KeyUse]?
    /// Times that an address was locked because of keys that do not exist.
    package var locks: Int

    package init(hits: [RuleHit], locks: Int, uses: [KeyUse] = []) {
        self.hits = hits
        self.locks = locks
        self.uses = uses
    }
}

/// A key that was accepted.
package struct KeyUse: Sendable, Codable, Hashable {
    package var key: String
    /// Seconds since 1970.
    package var at: Int64
    /// Of IPv6 the first 64 bits; nil: the gateway cannot know it.
    package var address: String?

    package init(key: String, at: Int64, address: String?) {
        self.key = key
        self.at = at
        self.address = address
    }
}
