package struct WorkerEntry: Sendable, Codable, Equatable {
    package var id: String
    /// Host id; it is the id in the agent's certificate.
    package var host: String
    package var provider: String
    package var pool: String
    package var region: String
    package var model: String
    package var release: String
    package var dialect: RuntimeDialect
    /// What the runtime calls the model; nil: the customer's name.
    package var servedModel: String?
    package var link: LinkClass
    /// `host:port` for direct links.
    package var address: String?
    /// Standalone gateways only: base URL of a plain HTTP runtime on loopback or a private link.
    package var url: String?
    package var draining: Bool
    package var slots: Int
    package var contextTokens: Int
    /// Relative share among workers of its release, parts per million.
    package var weight: Int
    /// What that becomes when its pool, which stands by, is called in; nil: its pool does not stand by, or something else keeps requests away, too.
    package var standbyWeight: Int?
    /// Nil: standard.
    package var trustClass: String?
    /// What its host costs; nil: not known.
    package var hourPriceMicroUsd: Int64?
    /// Nil: standard.
    package var contextClass: ContextClass?
    /// Tokens that its KV cache holds; nil: as its host reports.
    package var kvTokens: Int?
    /// False: its provider's score does not allow tiers whose promise pays (protected ones) while others can serve them. Nil: it does.
    package var paid: Bool?
    /// True: its provider's score is low, and it serves none of them, also where nobody else is left. Nil: it is not.
    package var lowScore: Bool?
    /// What a drill does to it; nil: nothing.
    package var drill: DrillEffect?

    package init(
        id: String, host: String, provider: String, pool: String, region: String, model: String, release: String, dialect: RuntimeDialect,
        servedModel: String? = nil, link: LinkClass, address: String? = nil, url: String? = nil, draining: Bool, slots: Int, contextTokens: Int,
        weight: Int, standbyWeight: Int? = nil, trustClass: String? = nil, hourPriceMicroUsd: Int64? = nil, contextClass: ContextClass? = nil,
        kvTokens: Int? = nil, paid: Bool? = nil, lowScore: Bool? = nil, drill: DrillEffect? = nil
    ) {
        self.id = id
        self.host = host
        self.provider = provider
        self.pool = pool
        self.region = region
        self.model = model
        self.release = release
        self.dialect = dialect
        self.servedModel = servedModel
        self.link = link
        self.address = address
        self.url = url
        self.draining = draining
        self.slots = slots
        self.contextTokens = contextTokens
        self.weight = weight
        self.standbyWeight = standbyWeight
        self.trustClass = trustClass
        self.hourPriceMicroUsd = hourPriceMicroUsd
        self.contextClass = contextClass
        self.kvTokens = kvTokens
        self.paid = paid
        self.lowScore = lowScore
        self.drill = drill
    }
}
