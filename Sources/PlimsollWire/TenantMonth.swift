/// A month of a tenant as the admin API tells it and as pages show it. It has no place for a provider, a host, a worker or a gateway.
package struct TenantMonth: Sendable, Decodable, Equatable {
    package struct Uptime: Sendable, Decodable, Equatable {
        package var numerator: Int64
        package var denominator: Int64
    }

    /// Minutes by status.
    package struct Minutes: Sendable, Decodable, Equatable {
        package var minutes: Int64
        package var excluded: Int64
        package var good: Int64
        package var goodIdle: Int64
        package var bad: Int64
        package var badIdle: Int64
        package var unmeasured: Int64
        /// Nil: no minute counts.
        package var uptime: Uptime?
    }

    package struct Requests: Sendable, Decodable, Equatable {
        package var good: Int64
        package var bad: Int64
        package var excluded: Int64
        package var serverErrors: Int64
        package var refusedWithinQuota: Int64
        package var refusedAboveQuota: Int64
        package var brokenStreams: Int64
        package var disconnects: Int64
        package var promptTokens: Int64
        package var completionTokens: Int64
    }

    /// Times in microseconds.
    package struct Latency: Sendable, Decodable, Equatable {
        package var thresholdMicroseconds: Int64
        package var samples: Int64
        package var over: Int64
        /// Nil: there was no sample.
        package var p95IsOver: Bool?
        package var p50Microseconds: Int64?
        package var p95Microseconds: Int64?
        package var p99Microseconds: Int64?
    }

    /// Times that no threshold is agreed for, in microseconds; nil without a sample.
    package struct Times: Sendable, Decodable, Equatable {
        package var samples: Int64
        package var p50Microseconds: Int64?
        package var p95Microseconds: Int64?
        package var p99Microseconds: Int64?
    }

    /// What the customer told of its own retrieval: that, and that together with ours to the first token of a stream and to the end of an answer.
    package struct Retrieval: Sendable, Decodable, Equatable {
        package var time: Times
        package var withFirstToken: Times
        package var withAnswer: Times
    }

    /// Requests of the batch service class, which have a time by which the whole answer is to be delivered. What the customer was to blame for is left out.
    package struct Batch: Sendable, Decodable, Equatable {
        package var requests: Int64
        package var inTime: Int64
        /// Whole after the deadline, or given up by the customer when it was over.
        package var late: Int64
        package var failed: Int64
        /// Of all of them, rounded down.
        package var inTimePpm: Int64
    }

    package struct Day: Sendable, Decodable, Equatable {
        /// Such as `2030-01-31`, in UTC.
        package var day: String
        /// As the promise counts them.
        package var minutes: Minutes
        package var good: Int64
        package var bad: Int64
        /// That count in no objective; those that were refused above the limits of the tenant are among them.
        package var excluded: Int64
        /// With 429, whoever was to blame: among the bad ones, or among the excluded.
        package var refused: Int64
        package var firstTokenP50Microseconds: Int64?
        package var firstTokenP95Microseconds: Int64?
        package var lastToken256P95Microseconds: Int64?
        package var lastToken512P95Microseconds: Int64?
        package var queueP95Microseconds: Int64?
    }

    /// Bad minutes of the month against what the objective allows in all of it.
    package struct Budget: Sendable, Decodable, Equatable {
        package var objective: String
        package var targetPpm: Int64
        package var allowedMinutes: Int64
        package var badMinutes: Int64
        /// By cause, in the ledger of this tenant, or else of its tier.
        package var causes: [String: Int64]
        package var isOfTier: Bool
        /// Until nothing of it is left at the pace of the last hour; nil: it lasts, or the month is over.
        package var hoursLeft: String?
    }

    /// The month of a contract in another zone than UTC, which is the one that its credit is about.
    package struct ContractMonth: Sendable, Decodable, Equatable {
        package var timeZone: String
        /// Minutes such as `2030-01-31T15:00Z`.
        package var from: String
        package var until: String
        /// As the contract counts them.
        package var minutes: Minutes
    }

    /// Minutes such as `2030-01-31T12:00Z`, without the last one.
    package struct Span: Sendable, Decodable, Equatable {
        package var from: String
        package var until: String
    }

    /// Of a model in a region.
    package struct Series: Sendable, Decodable, Equatable {
        package var model: String
        package var region: String
        /// Minutes such as `2030-01-31T12:00Z`.
        package var from: String
        package var until: String
        /// What was subscribed of that, in order: between these nothing is promised, and nothing of it counts.
        package var covered: [Span]
        package var objectiveView: Minutes
        package var promiseView: Minutes
        /// Empty: the month of each contract is the one of UTC.
        package var contractMonths: [ContractMonth]
        package var requests: Requests
        package var firstToken: Latency
        package var lastToken256: Latency
        package var lastToken512: Times
        /// How long admitted requests waited for a worker.
        package var queue: Times
        /// Nil: it told nothing.
        package var retrieval: Retrieval?
        /// Nil: nothing was asked for as batch, or the records of it are not kept any more.
        package var batch: Batch?
        package var budget: Budget?
        package var days: [Day]
    }

    /// Time in which customers felt an incident, with what this tenant had in it.
    package struct IncidentWindow: Sendable, Decodable, Equatable {
        package var number: Int64
        package var rule: String
        package var model: String
        package var region: String
        package var step: String
        package var impactFrom: String
        /// Nil: they still do.
        package var impactUntil: String?
        /// Minutes in which customers felt it, of all its spells.
        package var feltMinutes: Int64
        package var badMinutes: Int64
        package var requestsGood: Int64
        package var requestsBad: Int64
    }

    package struct Maintenance: Sendable, Decodable, Equatable {
        package var title: String
        package var model: String?
        package var region: String?
        package var startsAt: String
        package var endsAt: String
        package var announcedAt: String
    }

    package struct Exclusion: Sendable, Decodable, Equatable {
        package var code: String
        package var reason: String
        package var model: String?
        package var region: String?
        package var startsAt: String
        package var endsAt: String
    }

    /// The newest version of a credit, with what it follows from; ratios as numerator and denominator.
    package struct Credit: Sendable, Decodable, Equatable {
        package struct Arithmetic: Sendable, Decodable, Equatable {
            package struct Terms: Sendable, Decodable, Equatable {
                package var name: String
                package var version: Int64
            }

            package struct Minutes: Sendable, Decodable, Equatable {
                package var covered: Int64
                package var excluded: Int64
                package var eligible: Int64
                package var bad: Int64
                package var badIdle: Int64
                package var unmeasured: Int64
            }

            package struct Availability: Sendable, Decodable, Equatable {
                package var objective: [Int64]
                package var uptime: [Int64]?
                package var shortfall: [Int64]?
                package var steps: [Int64]?
                package var percent: [Int64]
            }

            package struct Latency: Sendable, Decodable, Equatable {
                package var longestRunHours: Int64
                package var consecutiveHoursNeeded: Int64
                package var percent: Int64
            }

            package struct Fee: Sendable, Decodable, Equatable {
                package var minimumUsd: String
                package var chargesUsd: String
                package var baseUsd: String
            }

            package var terms: Terms?
            package var minutes: Minutes?
            package var availability: Availability?
            package var latency: Latency?
            package var fee: Fee?
            package var totalPercent: [Int64]?
            package var capPercent: Int64?
        }

        package var model: String
        package var region: String
        package var version: Int64
        package var status: String
        package var currency: String
        package var amountCents: Int64
        package var arithmetic: Arithmetic
    }

    /// The tree of the month's minutes.
    package struct Evidence: Sendable, Decodable, Equatable {
        package var leaves: Int64
        package var root: String
        package var complete: Bool
        package var closedUntil: String
    }

    package var name: String
    package var displayName: String
    package var tier: String
    package var month: String
    package var from: String
    /// Minutes before it are closed.
    package var until: String
    package var complete: Bool
    /// False: requests and times are not known any more, and stand as 0 and nil.
    package var countsKept: Bool
    package var series: [Series]
    package var incidents: [IncidentWindow]
    package var maintenance: [Maintenance]
    package var exclusions: [Exclusion]
    package var credits: [Credit]
    /// Nil: no minute of the month has a leaf.
    package var evidence: Evidence?
}
