/// For whom a request is served. One object for each key and model, kept by the request path, so that a record copies prepared bytes.
package final class UsageSubject: Sendable {
    package let tenant: String
    package let key: String
    package let tier: String
    package let model: String
    package let region: String
    /// Time to first token that the tier is sold with, microseconds.
    package let firstTokenObjective: Int64
    let minuteKey: MinuteSubject
    let encoded: [UInt8]

    package init(tenant: String, key: String, tier: String, model: String, region: String, firstTokenObjective: Int64) {
        self.tenant = tenant
        self.key = key
        self.tier = tier
        self.model = model
        self.region = region
        self.firstTokenObjective = firstTokenObjective
        minuteKey = MinuteSubject(tenant: tenant, tier: tier, model: model, region: region)
        encoded = SpoolText.encode([tenant, key, tier, model, region])
    }
}

/// Who served a request. One object for each worker.
package final class UsageTarget: Sendable {
    package let release: String
    package let worker: String
    package let provider: String
    let encoded: [UInt8]

    package init(release: String, worker: String, provider: String) {
        self.release = release
        self.worker = worker
        self.provider = provider
        encoded = SpoolText.encode([release, worker, provider])
    }
}
