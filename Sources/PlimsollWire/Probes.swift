/// What a probe of a gateway found at one worker. Times are microseconds.
package struct ProbeResult: Sendable, Codable, Equatable {
    /// UUIDv7; the same result sent again has the same id.
    package var id: String
    package var worker: String
    package var provider: String
    package var model: String
    package var region: String
    /// Since 1970.
    package var at: Int64
    package var succeeded: Bool
    /// Whose fault a failure is: `gateway`, `link`, `host`, `runtime`, `answer` or `timeout`.
    package var fault: String?
    /// 0: there was no answer.
    package var status: Int
    package var firstTokenAfter: Int64?
    package var lastTokenAfter: Int64?
    package var promptTokens: Int
    package var completionTokens: Int
    /// Of the link to the worker's host; nil: not measured.
    package var linkRoundTrip: Int64?
    /// Made for a gateway that was silent.
    package var standIn: Bool?
    /// While a drill breaks things on purpose.
    package var drill: Bool?

    package init(
        id: String, worker: String, provider: String, model: String, region: String, at: Int64, succeeded: Bool, fault: String? = nil,
        status: Int, firstTokenAfter: Int64? = nil, lastTokenAfter: Int64? = nil, promptTokens: Int = 0, completionTokens: Int = 0,
        linkRoundTrip: Int64? = nil, standIn: Bool? = nil, drill: Bool? = nil
    ) {
        self.id = id
        self.worker = worker
        self.provider = provider
        self.model = model
        self.region = region
        self.at = at
        self.succeeded = succeeded
        self.fault = fault
        self.status = status
        self.firstTokenAfter = firstTokenAfter
        self.lastTokenAfter = lastTokenAfter
        self.promptTokens = promptTokens
        self.completionTokens = completionTokens
        self.linkRoundTrip = linkRoundTrip
        self.standIn = standIn
        self.drill = drill
    }
}

/// Sent every few seconds, with nothing in it too: the answer tells what others found.
package struct ProbeBatch: Sendable, Codable, Equatable {
    package var probes: [ProbeResult]

    package init(probes: [ProbeResult]) {
        self.probes = probes
    }
}

/// Everything in the batch is committed when this is sent.
package struct ProbeAnswer: Sendable, Codable, Equatable {
    package var stored: Int
    package var duplicates: Int
    package var quarantined: Int
    /// Ids of workers of the gateway's region that it is to probe for a home gateway that is silent, until they are no longer named.
    package var standIn: [String]
    /// Workers of the region whose last two probes failed through no fault of a link or gateway: id to the time of the last, microseconds since
    /// 1970.
    package var failing: [String: Int64]

    package init(stored: Int, duplicates: Int, quarantined: Int, standIn: [String] = [], failing: [String: Int64] = [:]) {
        self.stored = stored
        self.duplicates = duplicates
        self.quarantined = quarantined
        self.standIn = standIn
        self.failing = failing
    }
}
