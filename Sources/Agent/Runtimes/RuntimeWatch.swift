import Logging
import Outbound
import PlimsollWire

/// One supervisor's eyes and hands: looks at process, health and numbers, lets `RuntimeLife` decide, and does what it says.
struct RuntimeWatch {
    private static let readyPause = Duration.seconds(1)
    private static let startingPause = Duration.milliseconds(200)
    private static let probePause = Duration.seconds(5)

    private let status: RuntimeStatus
    private let client: RuntimeClient
    private let process: RuntimeProcess
    private let logger: Logger
    private var life: RuntimeLife
    private var progress: ProgressWatch
    /// The process that this agent or its predecessor started.
    private var owned: ProcessIdentity?
    /// A runtime that we have a command for answered before we started one: it stays until it stops listening.
    private var isForeign = false
    private var isWedged = false
    private var nextProbe: ContinuousClock.Instant
    private var looks = 0

    init(status: RuntimeStatus, state: StateDirectory, http: OutboundClient, logger: Logger) {
        let configuration = status.configuration
        self.status = status
        self.logger = logger
        client = RuntimeClient(address: configuration.address, dialect: configuration.dialect, http: http)
        process = RuntimeProcess(configuration: configuration, state: state)
        life = RuntimeLife(startupDeadline: configuration.startupDeadline, now: .now)
        progress = ProgressWatch(timeout: configuration.progressTimeout, now: .now)
        nextProbe = .now
    }

    /// Finds a runtime that lives already.
    mutating func adopt() async {
        guard !status.configuration.command.isEmpty else { return }
        owned = await process.adopt()
        if owned == nil {
            isForeign = await client.health() != .absent
        } else {
            life.adopted(now: .now)
            logger.info("runtime adopted", metadata: ["process.id": "\(owned?.pid ?? 0)"])
        }
    }

    /// Looks once. Returns how long to wait before the next look.
    mutating func look() async -> Duration {
        let seen = await observe()
        let before = life.state
        let action = life.observe(seen, now: .now)
        await act(action)
        status.publish(state: life.state)
        if before != life.state {
            logger.info("runtime state changed", metadata: ["agent.state": "\(life.state.rawValue)", "error.reason": "\(life.reason ?? "none")"])
        }
        await rotateLog()
        return life.state == .ready ? Self.readyPause : Self.startingPause
    }

    /// Ends the runtime if it is ours.
    func stop() async {
        if let owned { await process.stop(owned) }
        status.publish(state: .stopped)
    }

    private mutating func observe() async -> RuntimeLife.Observation {
        let processNow = processState()
        guard processNow != .dead else { return RuntimeLife.Observation(process: .dead, health: .absent) }
        let health = await client.health()
        if isForeign, health == .absent {
            isForeign = false
            return RuntimeLife.Observation(process: .dead, health: .absent)
        }
        if health == .ready, life.state != .starting { await readNumbers() }
        return RuntimeLife.Observation(process: processNow, health: health, wedged: isWedged)
    }

    private func processState() -> RuntimeLife.Process {
        if let owned { return owned.isAlive ? .alive : .dead }
        return status.configuration.command.isEmpty || isForeign ? .notOurs : .dead
    }

    private mutating func readNumbers() async {
        let numbers = await client.numbers(version: status.facts.version.flatMap { RuntimeVersion($0) })
        status.publish(numbers: numbers)
        let suspicious = progress.looksWedged(
            relaying: status.openRelays, lastByte: status.lastByte, workMark: numbers?.workMark, now: .now)
        guard suspicious || isWedged, ContinuousClock.now >= nextProbe else { return }
        let makesToken = await client.makesToken(model: status.facts.servedModel)
        isWedged = !makesToken
        nextProbe = .now + Self.probePause
    }

    private mutating func act(_ action: RuntimeLife.Action?) async {
        switch action {
        case nil:
            return
        case .start:
            start()
        case .stop(let reason):
            logger.warning("runtime is stopped", metadata: ["error.reason": "\(reason)"])
            status.publish(state: .unhealthy)
            if let owned { await process.stop(owned) }
        case .describe:
            isWedged = false
            status.publish(facts: await client.facts())
        }
    }

    private mutating func start() {
        isWedged = false
        do throws(AgentError) {
            let started = try process.start()
            owned = started
            logger.info("runtime started", metadata: ["process.id": "\(started.pid)"])
        } catch {
            owned = nil
            logger.error("runtime cannot be started", metadata: ["error.reason": "\(error.message)"])
        }
    }

    private mutating func rotateLog() async {
        looks += 1
        guard looks % 32 == 0, !process.log.rotateIfLarge() else { return }
        logger.warning("runtime log cannot be rotated", metadata: ["file.path": "\(process.log.path)"])
    }
}
