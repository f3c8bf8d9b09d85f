/// One admitted request, whatever became of it. Times are microseconds since 1970, durations microseconds, counts tokens.
package struct UsageRecord: Sendable, Codable, Equatable {
    /// UUIDv7, lower case; equal to the `x-request-id` that the customer saw.
    package var requestId: String
    package var tenant: String
    package var key: String
    package var tier: String
    package var model: String
    package var release: String?
    package var region: String
    /// Internal; no customer output may carry these two.
    package var worker: String?
    package var provider: String?
    package var gateway: String
    /// Start of the gateway process that admitted it; with `sequence` unique.
    package var boot: String
    package var sequence: Int64
    package var acceptedAt: Int64
    package var firstTokenAfter: Int64?
    package var finishedAfter: Int64
    package var queuedFor: Int64
    package var stream: Bool
    /// Status that the customer saw; 0 when the client left before one was sent.
    package var status: Int
    package var outcome: String
    package var finishReason: String?
    package var errorCode: String?
    package var promptTokens: Int
    package var cachedPromptTokens: Int
    package var completionTokens: Int
    package var reasoningTokens: Int
    /// What is billed: zero for failed and cut answers.
    package var billablePromptTokens: Int
    package var billableCompletionTokens: Int
    /// Token counts are the gateway's own estimate, because the runtime gave none.
    package var estimated: Bool
    package var attempts: Int
    /// Of a batch request, microseconds after acceptance by which its answer was to be delivered; nil: interactive.
    package var batchDeadline: Int64?
    /// The stream broke and went on at another worker; nil: it did not.
    package var continued: Bool?
    /// Version of the price that held when the request was accepted; nil: none did.
    package var priceVersion: Int64?
    /// What the customer says that its own retrieval took before it asked; nil: it says nothing.
    package var retrieval: Int64?
    /// How long it waited for a lease on a quota, or for what other gateways leave of a limit of the minute, before it was admitted; nil: it did not.
    package var leasedFor: Int64?
    /// How it was routed: Base64 of what `RoutingTrace` packs. No part of what is billed: of two records that differ in it alone one is a duplicate.
    /// Nil: its gateway is of the release before, or was killed while the request waited for a worker.
    package var routing: String?

    package init(
        requestId: String, tenant: String, key: String, tier: String, model: String, release: String?, region: String, worker: String?,
        provider: String?, gateway: String, boot: String, sequence: Int64, acceptedAt: Int64, firstTokenAfter: Int64?, finishedAfter: Int64,
        queuedFor: Int64, stream: Bool, status: Int, outcome: String, finishReason: String?, errorCode: String?, promptTokens: Int,
        cachedPromptTokens: Int, completionTokens: Int, reasoningTokens: Int, billablePromptTokens: Int, billableCompletionTokens: Int,
        estimated: Bool, attempts: Int, batchDeadline: Int64? = nil, continued: Bool? = nil, priceVersion: Int64? = nil,
        retrieval: Int64? = nil, leasedFor: Int64? = nil, routing: String? = nil
    ) {
        self.requestId = requestId
        self.tenant = tenant
        self.key = key
        self.tier = tier
        self.model = model
        self.release = release
        self.region = region
        self.worker = worker
        self.provider = provider
        self.gateway = gateway
        self.boot = boot
        self.sequence = sequence
        self.acceptedAt = acceptedAt
        self.firstTokenAfter = firstTokenAfter
        self.finishedAfter = finishedAfter
        self.queuedFor = queuedFor
        self.stream = stream
        self.status = status
        self.outcome = outcome
        self.finishReason = finishReason
        self.errorCode = errorCode
        self.promptTokens = promptTokens
        self.cachedPromptTokens = cachedPromptTokens
        self.completionTokens = completionTokens
        self.reasoningTokens = reasoningTokens
        self.billablePromptTokens = billablePromptTokens
        self.billableCompletionTokens = billableCompletionTokens
        self.estimated = estimated
        self.attempts = attempts
        self.batchDeadline = batchDeadline
        self.continued = continued
        self.priceVersion = priceVersion
        self.retrieval = retrieval
        self.leasedFor = leasedFor
        self.routing = routing
    }
}

package struct UsageBatch: Sendable, Codable {
    package var records: [UsageRecord]
    /// Earlier starts of this gateway of which, with this batch, every record has been sent.
    package var ended: [String]?

    package init(records: [UsageRecord], ended: [String]? = nil) {
        self.records = records
        self.ended = ended
    }
}

/// Answer to a batch: everything in it is committed when this is sent.
package struct IntakeResponse: Sendable, Codable, Equatable {
    package var stored: Int
    /// Seen before with the same content; ignored.
    package var duplicates: Int
    /// Seen before with other content, or a time out of bounds; kept aside for a person, the first one stands.
    package var quarantined: Int

    package init(stored: Int, duplicates: Int, quarantined: Int) {
        self.stored = stored
        self.duplicates = duplicates
        self.quarantined = quarantined
    }
}

/// Counters of one minute of one tenant, tier, model, region and provider on one gateway. Cumulative: a later report of the same boot replaces an
/// earlier one. What is optional is not told by gateways of the release before. Control planes that do not know a field set the whole minute aside until they
/// do: a gateway is replaced after them.
package struct MinuteCounters: Sendable, Codable, Equatable {
    /// Minutes since 1970 (floor of seconds / 60) of the moment in which the gateway accepted the requests.
    package var minute: Int64
    package var tenant: String
    package var tier: String
    package var model: String
    package var region: String
    /// Of the worker that answered last; empty: none did, or the reporter does not tell. Never shown to customers.
    package var provider: String?
    /// Traffic of a drill, which no promise covers.
    package var drill: Bool?
    /// Requests by outcome, keyed as `Outcome` spells them (`good`, `bad:5xx`, `excluded:client_4xx`, …).
    package var outcomes: [String: Int64]
    package var firstTokenSamples: Int64
    /// Samples strictly above the tier's objective.
    package var firstTokenOver: Int64
    package var promptTokens: Int64
    package var completionTokens: Int64
    package var rateLimited: Int64
    package var disconnects: Int64
    /// Log-linear histogram of the time to the first token: bucket index to count.
    package var firstTokenHistogram: [Int: Int64]
    /// Requests that asked for a stream.
    package var streams: Int64?
    /// Microseconds that requests waited for a worker: bucket index to count.
    package var queueHistogram: [Int: Int64]?
    /// Good answers of exactly 256 tokens, by the time to their last token.
    package var lastTokenSamples: Int64?
    package var lastTokenOver: Int64?
    package var lastTokenHistogram: [Int: Int64]?
    /// The same of answers of exactly 512 tokens.
    package var longLastTokenHistogram: [Int: Int64]?
    /// What customers said that their own retrieval took, of all admitted requests that told it; and of their good answers that and the time to the first
    /// token of a stream, and that and the time to the end. Nil: nobody told it, so that a control plane of the release before has nothing unknown.
    package var retrievalHistogram: [Int: Int64]?
    package var retrievedFirstTokenHistogram: [Int: Int64]?
    package var retrievedLastTokenHistogram: [Int: Int64]?
    /// Fields that this release does not know, as `ToldMinute` found them; nil: there are none.
    package var unknown: [String: UnknownValue]?

    enum CodingKeys: CodingKey {
        case minute, tenant, tier, model, region, provider, drill, outcomes, firstTokenSamples, firstTokenOver, promptTokens, completionTokens
        case rateLimited, disconnects, firstTokenHistogram, streams, queueHistogram, lastTokenSamples, lastTokenOver, lastTokenHistogram
        case longLastTokenHistogram, retrievalHistogram, retrievedFirstTokenHistogram, retrievedLastTokenHistogram
    }

    package init(
        minute: Int64, tenant: String, tier: String, model: String, region: String, provider: String? = nil, drill: Bool? = nil,
        outcomes: [String: Int64] = [:], firstTokenSamples: Int64 = 0, firstTokenOver: Int64 = 0, promptTokens: Int64 = 0,
        completionTokens: Int64 = 0, rateLimited: Int64 = 0, disconnects: Int64 = 0, firstTokenHistogram: [Int: Int64] = [:],
        streams: Int64? = nil, queueHistogram: [Int: Int64]? = nil, lastTokenSamples: Int64? = nil, lastTokenOver: Int64? = nil,
        lastTokenHistogram: [Int: Int64]? = nil, longLastTokenHistogram: [Int: Int64]? = nil
    ) {
        self.minute = minute
        self.tenant = tenant
        self.tier = tier
        self.model = model
        self.region = region
        self.provider = provider
        self.drill = drill
        self.outcomes = outcomes
        self.firstTokenSamples = firstTokenSamples
        self.firstTokenOver = firstTokenOver
        self.promptTokens = promptTokens
        self.completionTokens = completionTokens
        self.rateLimited = rateLimited
        self.disconnects = disconnects
        self.firstTokenHistogram = firstTokenHistogram
        self.streams = streams
        self.queueHistogram = queueHistogram
        self.lastTokenSamples = lastTokenSamples
        self.lastTokenOver = lastTokenOver
        self.lastTokenHistogram = lastTokenHistogram
        self.longLastTokenHistogram = longLastTokenHistogram
    }
}

/// First tokens of a service that came, or became late, within the last half minute at one gateway.
package struct FirstTokenCount: Sendable, Codable, Equatable {
    package var tier: String
    package var model: String
    package var region: String
    /// As `MinuteCounters.drill`.
    package var drill: Bool?
    package var samples: Int64
    /// Later than the tier's objective.
    package var over: Int64

    package init(tier: String, model: String, region: String, drill: Bool? = nil, samples: Int64, over: Int64) {
        self.tier = tier
        self.model = model
        self.region = region
        self.drill = drill
        self.samples = samples
        self.over = over
    }
}

package struct MinuteBatch: Sendable, Codable {
    /// Minutes that the control plane takes at once: each batch is answered when it is merged with those of other gateways, and one that waits for the
    /// answer to another misses them.
    package static let most = 10_000
    /// Bytes of a batch that the control plane takes.
    package static let mostBytes = 12 << 20

    package var gateway: String
    package var boot: String
    /// Rises with each batch of a boot; the control plane keeps the greatest.
    package var sequence: Int64
    package var minutes: [MinuteCounters]
    /// True: the last batch of a boot that stopped in good order, which lost nothing. False: it goes on, and tells so every few seconds although it may
    /// have nothing to tell. Nil: gateways of the release before, and counts that came when their minute was long over.
    package var closes: Bool?
    /// First tokens of the last half minute; each batch replaces what the one before it told. Nil as `closes` is.
    package var firstTokens: [FirstTokenCount]?

    package init(
        gateway: String, boot: String, sequence: Int64, minutes: [MinuteCounters], closes: Bool? = nil, firstTokens: [FirstTokenCount]? = nil
    ) {
        self.gateway = gateway
        self.boot = boot
        self.sequence = sequence
        self.minutes = minutes
        self.closes = closes
        self.firstTokens = firstTokens
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        gateway = try container.decode(String.self, forKey: .gateway)
        boot = try container.decode(String.self, forKey: .boot)
        sequence = try container.decode(Int64.self, forKey: .sequence)
        minutes = try container.decode([ToldMinute].self, forKey: .minutes).map(\.counters)
        closes = try container.decodeIfPresent(Bool.self, forKey: .closes)
        firstTokens = try container.decodeIfPresent([FirstTokenCount].self, forKey: .firstTokens)
    }
}
