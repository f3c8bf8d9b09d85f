package import FoundationEssentials

/// What an agent should be doing; level-triggered, the newest generation wins.
package struct DesiredState: Sendable, Codable, Equatable {
    package var generation: Int64
    package var state: HostIntent
    package var gateways: [GatewayAddress]
    /// Identities (`spiffe://…`) that this agent must refuse although their certificates are still valid.
    package var denied: [String]
    package var operations: [Operation]
    /// Operations of the kind `restart`: apart from the others, so that an agent which knows of none reads the rest. Nil: none.
    package var restarts: [Operation]?
    /// Ids that the control plane gave to this agent's runtimes, by the release name that the agent reported.
    package var workers: [AssignedWorker]

    package init(
        generation: Int64, state: HostIntent, gateways: [GatewayAddress], denied: [String] = [], operations: [Operation] = [],
        restarts: [Operation]? = nil, workers: [AssignedWorker] = []
    ) {
        self.generation = generation
        self.state = state
        self.gateways = gateways
        self.denied = denied
        self.operations = operations
        self.restarts = restarts
        self.workers = workers
    }
}

package enum HostIntent: String, Sendable, Codable {
    /// Take requests.
    case serve
    /// Finish what runs, take nothing new.
    case drain
}

package struct GatewayAddress: Sendable, Codable, Equatable, Hashable {
    package var id: String
    /// `host:port` of the gateway's link listener.
    package var address: String

    package init(id: String, address: String) {
        self.id = id
        self.address = address
    }
}

package struct AssignedWorker: Sendable, Codable, Equatable {
    package var id: String
    /// Name of the runtime in the agent's configuration.
    package var runtime: String
    package var release: String
    /// Nil when accepted; otherwise why this runtime gets no traffic, for the host's owner to read.
    package var refusal: String?

    package init(id: String, runtime: String, release: String, refusal: String? = nil) {
        self.id = id
        self.runtime = runtime
        self.release = release
        self.refusal = refusal
    }
}

/// One command. Delivered at least once; the agent journals ids, so that the effect happens once.
package struct Operation: Sendable, Codable, Equatable {
    package var id: String
    package var kind: OperationKind
    package var deadline: Date
    /// Of a restart: name of the runtime in the agent's configuration.
    package var runtime: String?

    package init(id: String, kind: OperationKind, deadline: Date, runtime: String? = nil) {
        self.id = id
        self.kind = kind
        self.deadline = deadline
        self.runtime = runtime
    }
}

package enum OperationKind: String, Sendable, Codable {
    case drain
    case resume
    /// One runtime finishes what it has, is stopped and started again.
    case restart
}

package enum OperationState: String, Sendable, Codable {
    case queued
    case sent
    case running
    case done
    case failed
    case expired
    case superseded
}

package struct OperationResults: Sendable, Codable {
    package struct Result: Sendable, Codable, Equatable {
        package var id: String
        package var state: OperationState
        /// For people; never content of requests.
        package var message: String?

        package init(id: String, state: OperationState, message: String? = nil) {
            self.id = id
            self.state = state
            self.message = message
        }
    }

    package var results: [Result]

    package init(results: [Result]) {
        self.results = results
    }
}
