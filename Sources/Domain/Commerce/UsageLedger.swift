/// Decides which of the usage events that arrive are new. Events come at least once; each counts once.
package struct UsageLedger: Sendable {
    package struct Key: Hashable, Sendable {
        package var tenant: String
        package var request: String
        package var kind: String

        package init(tenant: String, request: String, kind: String) {
            self.tenant = tenant
            self.request = request
            self.kind = kind
        }
    }

    package enum Arrival: Sendable, Equatable {
        case stored
        /// Same key, same content: ignored.
        case duplicate
        /// Same key, other content: kept aside, the first one stands.
        case conflict
    }

    private var hashes: [Key: String] = [:]

    package init() {}

    /// The rule itself: what an arrival is, given the hash that is stored under its key.
    package static func arrival(stored: String?, arriving: String) -> Arrival {
        guard let stored else { return .stored }
        return stored == arriving ? .duplicate : .conflict
    }

    package mutating func receive(_ key: Key, payloadHash: String) -> Arrival {
        let arrival = Self.arrival(stored: hashes[key], arriving: payloadHash)
        if arrival == .stored { hashes[key] = payloadHash }
        return arrival
    }
}

/// Tokens of all attempts of one request against those that were delivered. Cost sees all of them, the bill only the delivered ones.
package struct AttemptTokens: Sendable, Equatable {
    package var billable: BillableTokens
    package var worker: Int
    package var waste: Int

    /// - Parameter completions: Completion tokens of each attempt; the last one was delivered.
    package init(prompt: Int, completions: [Int]) {
        billable = BillableTokens(prompt: completions.isEmpty ? 0 : prompt, completion: completions.last ?? 0)
        worker = completions.reduce(0) { $0 + prompt + $1 }
        waste = worker - billable.prompt - billable.completion
    }
}
