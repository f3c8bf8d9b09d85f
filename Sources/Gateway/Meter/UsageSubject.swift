package import Domain
package import PlimsollWire

/// For whom a request is served. One object for each key and model, kept by the request path, so that a record copies prepared bytes.
package final class UsageSubject: Sendable {
    package let tenant: String
    package let key: String
    package let tier: String
    package let model: String
    package let region: String
    /// Time to first token that the tier is sold with, microseconds.
    package let firstTokenObjective: Int64
    /// Time to the last of 256 tokens that it is sold with, microseconds.
    package let lastTokenObjective: Int64
    /// Nil: it is a customer.
    package let purpose: KeyPurpose?
    /// Of the interactive class.
    package let prices: PriceSchedule?
    package let batchPrices: PriceSchedule?
    let minuteKey: MinuteSubject
    let encoded: [UInt8]

    package init(
        tenant: String, key: String, tier: String, model: String, region: String, firstTokenObjective: Int64,
        lastTokenObjective: Int64 = FixedLengthSample.usualObjective, purpose: KeyPurpose? = nil, prices: PriceSchedule? = nil,
        batchPrices: PriceSchedule? = nil
    ) {
        self.tenant = tenant
        self.key = key
        self.tier = tier
        self.model = model
        self.region = region
        self.firstTokenObjective = firstTokenObjective
        self.lastTokenObjective = lastTokenObjective
        self.purpose = purpose
        self.prices = prices
        self.batchPrices = batchPrices
        minuteKey = MinuteSubject(tenant: tenant, tier: tier, model: model, region: region, isDrill: purpose == .drill)
        encoded = SpoolText.encode([tenant, key, tier, model, region])
    }

    /// What has no price of its own as batch costs as much as when somebody waits for it.
    func prices(isBatch: Bool) -> PriceSchedule? { isBatch ? batchPrices ?? prices : prices }

    /// The one that holds at an instant, microseconds since 1970. The interactive one is asked where it lies: a copy of its schedule would count it.
    func price(isBatch: Bool, at microseconds: Int64) -> PriceVersion? {
        isBatch ? prices(isBatch: true)?.version(at: microseconds) : prices?.version(at: microseconds)
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
