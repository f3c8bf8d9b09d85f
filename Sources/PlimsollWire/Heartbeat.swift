/// What an agent tells the control plane, every few seconds.
package struct Heartbeat: Sendable, Codable {
    /// Made new at each start of the agent; an older epoch is refused.
    package var epoch: Int64
    /// Rises by one with each heartbeat of an epoch.
    package var sequence: Int64
    package var bootId: String
    package var version: String
    package var observedGeneration: Int64
    package var state: AgentState
    package var inventory: Inventory?
    package var runtimes: [RuntimeReport]
    /// Ids of gateways with at least one open link.
    package var linkedGateways: [String]
    /// Where gateways dial this agent; direct links only.
    package var linkAddress: String?
    /// Wall clock of the host in milliseconds since 1970, for skew.
    package var clockMilliseconds: Int64

    package init(
        epoch: Int64, sequence: Int64, bootId: String, version: String, observedGeneration: Int64, state: AgentState, inventory: Inventory?,
        runtimes: [RuntimeReport], linkedGateways: [String], linkAddress: String? = nil, clockMilliseconds: Int64
    ) {
        self.epoch = epoch
        self.sequence = sequence
        self.bootId = bootId
        self.version = version
        self.observedGeneration = observedGeneration
        self.state = state
        self.inventory = inventory
        self.runtimes = runtimes
        self.linkedGateways = linkedGateways
        self.linkAddress = linkAddress
        self.clockMilliseconds = clockMilliseconds
    }
}

package enum AgentState: String, Sendable, Codable {
    case serving
    case draining
    case drained
}

package struct HeartbeatResponse: Sendable, Codable {
    /// Generation of the desired state now; newer than observed means: fetch it.
    package var generation: Int64
    package var nextHeartbeatSeconds: Int
    /// Sent when the control plane does not have the inventory of this epoch.
    package var wantsInventory: Bool

    package init(generation: Int64, nextHeartbeatSeconds: Int, wantsInventory: Bool) {
        self.generation = generation
        self.nextHeartbeatSeconds = nextHeartbeatSeconds
        self.wantsInventory = wantsInventory
    }
}

package struct Inventory: Sendable, Codable, Equatable {
    package struct Processor: Sendable, Codable, Equatable {
        package var model: String
        package var cores: Int

        package init(model: String, cores: Int) {
            self.model = model
            self.cores = cores
        }
    }

    package struct Accelerator: Sendable, Codable, Equatable {
        package var uuid: String
        package var name: String
        package var memoryBytes: Int64
        package var memoryUsedBytes: Int64?
        /// Per cent of time busy, 0 to 100.
        package var utilization: Int?
        package var temperatureCelsius: Int?
        /// Such as `9.0`.
        package var computeCapability: String?

        package init(
            uuid: String, name: String, memoryBytes: Int64, memoryUsedBytes: Int64? = nil, utilization: Int? = nil, temperatureCelsius: Int? = nil,
            computeCapability: String? = nil
        ) {
            self.uuid = uuid
            self.name = name
            self.memoryBytes = memoryBytes
            self.memoryUsedBytes = memoryUsedBytes
            self.utilization = utilization
            self.temperatureCelsius = temperatureCelsius
            self.computeCapability = computeCapability
        }
    }

    package var hostname: String
    package var operatingSystem: String
    package var kernel: String
    package var processor: Processor
    package var memoryBytes: Int64
    package var memoryAvailableBytes: Int64
    package var diskFreeBytes: Int64
    package var accelerators: [Accelerator]
    /// Such as `570.86.15`; nil where there is none.
    package var driverVersion: String?
    /// Such as `12.8`.
    package var cudaVersion: String?
    /// Why accelerators could not be read although a driver is there (a hang is a fault report).
    package var acceleratorFault: String?

    package init(
        hostname: String, operatingSystem: String, kernel: String, processor: Processor, memoryBytes: Int64, memoryAvailableBytes: Int64,
        diskFreeBytes: Int64, accelerators: [Accelerator] = [], driverVersion: String? = nil, cudaVersion: String? = nil,
        acceleratorFault: String? = nil
    ) {
        self.hostname = hostname
        self.operatingSystem = operatingSystem
        self.kernel = kernel
        self.processor = processor
        self.memoryBytes = memoryBytes
        self.memoryAvailableBytes = memoryAvailableBytes
        self.diskFreeBytes = diskFreeBytes
        self.accelerators = accelerators
        self.driverVersion = driverVersion
        self.cudaVersion = cudaVersion
        self.acceleratorFault = acceleratorFault
    }
}

/// One runtime of the host, as its agent sees it.
package struct RuntimeReport: Sendable, Codable, Equatable {
    /// Name of the runtime in the agent's configuration.
    package var runtime: String
    /// Release name that the configuration says it serves.
    package var release: String
    package var dialect: RuntimeDialect
    package var state: RuntimeState
    /// Model name to put into requests when the runtime wants its own; nil: send what the customer sent.
    package var servedModel: String?
    package var version: String?
    package var slots: Int
    package var contextTokens: Int
    package var load: RuntimeLoad
    /// The agent started its process, so that it can do so again. Nil: not known yet.
    package var restartable: Bool?
    /// Last lines of its log without what looks like a secret or a person's data, for half a minute after it began to fail, and each hour. Nil: nothing new.
    package var logTail: [String]?
    /// Of the image from which the agent started it, such as `sha256:…`. Nil: not known.
    package var imageDigest: String?
    /// Of the weights that it serves, where the agent can read them, such as `sha256:…`. Nil: not known.
    package var weightsDigest: String?

    package init(
        runtime: String, release: String, dialect: RuntimeDialect, state: RuntimeState, servedModel: String? = nil, version: String? = nil,
        slots: Int, contextTokens: Int, load: RuntimeLoad, restartable: Bool? = nil, logTail: [String]? = nil,
        imageDigest: String? = nil, weightsDigest: String? = nil
    ) {
        self.runtime = runtime
        self.release = release
        self.dialect = dialect
        self.state = state
        self.servedModel = servedModel
        self.version = version
        self.slots = slots
        self.contextTokens = contextTokens
        self.load = load
        self.restartable = restartable
        self.logTail = logTail
        self.imageDigest = imageDigest
        self.weightsDigest = weightsDigest
    }
}

package enum RuntimeDialect: String, Sendable, Codable, CaseIterable {
    case llamacpp
    case vllm
}

package enum RuntimeState: String, Sendable, Codable {
    case starting
    case ready
    case unhealthy
    case stopped
}

/// A runtime's own numbers, normalised. Nil: this runtime does not say.
package struct RuntimeLoad: Sendable, Codable, Equatable {
    package var running: Int
    package var waiting: Int
    /// 0 to 1.
    package var kvUsedRatio: Double?
    /// Tokens that the KV cache holds.
    package var kvTokens: Int?
    package var promptTokensTotal: Int64?
    package var generatedTokensTotal: Int64?
    /// Requests that the agent itself is relaying to the runtime now.
    package var relaying: Int
    package var errorsTotal: Int64

    package init(
        running: Int = 0, waiting: Int = 0, kvUsedRatio: Double? = nil, promptTokensTotal: Int64? = nil, generatedTokensTotal: Int64? = nil,
        relaying: Int = 0, errorsTotal: Int64 = 0, kvTokens: Int? = nil
    ) {
        self.running = running
        self.waiting = waiting
        self.kvUsedRatio = kvUsedRatio
        self.kvTokens = kvTokens
        self.promptTokensTotal = promptTokensTotal
        self.generatedTokensTotal = generatedTokensTotal
        self.relaying = relaying
        self.errorsTotal = errorsTotal
    }
}

/// One line on the link's report stream: fast facts, which never enter the routing table.
package struct LinkReport: Sendable, Codable, Equatable {
    package struct Worker: Sendable, Codable, Equatable {
        /// Id from `AssignedWorker`.
        package var id: String
        package var ready: Bool
        package var load: RuntimeLoad
        /// What the other gateways of the host told of their places there; nil: nothing within the last second.
        package var others: PlacesTold?

        package init(id: String, ready: Bool, load: RuntimeLoad, others: PlacesTold? = nil) {
            self.id = id
            self.ready = ready
            self.load = load
            self.others = others
        }
    }

    package var state: AgentState
    package var workers: [Worker]

    package init(state: AgentState, workers: [Worker]) {
        self.state = state
        self.workers = workers
    }
}
