import Logging
import Outbound
import PlimsollWire

/// One supervisor's eyes and hands: looks at process, health and numbers, lets `RuntimeLife` decide, and does what it says.
struct RuntimeWatch {
    private static let busyPause = Duration.seconds(1)
    /// Each look wakes a program that has nothing else to do.
    private static let idlePause = Duration.seconds(2)
    private static let startingPause = Duration.milliseconds(200)
    private static let brokenPause = Duration.milliseconds(500)
    private static let longestProbe = Duration.seconds(5)

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
    private var numbers: RuntimeNumbers?
    private var nextProbe: ContinuousClock.Instant
    private var looks = 0
    /// Up to here the runtime's log holds nothing that must not stay in it.
    private var coveredLog: Int64 = 0
    private let redact: @Sendable (String) -> String
    private var telling = LogTelling()

    init(
        status: RuntimeStatus, state: StateDirectory, http: OutboundClient, logger: Logger,
        redact: @escaping @Sendable (String) -> String = { $0 }
    ) {
        self.redact = redact
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
        publishHolding()
    }

    private func publishHolding() {
        let isOurs = !status.configuration.command.isEmpty && !isForeign
        status.publish(holding: isOurs ? .ours(process: owned?.text ?? "") : .foreign)
    }

    /// Looks once. Returns how long to wait before the next look.
    mutating func look() async -> Duration {
        let seen = await observe()
        let before = life.state
        let action = orderedRestart() ?? life.observe(seen, now: .now)
        tellLog(hasFailed: life.state == .unhealthy && before != .unhealthy)
        await act(action)
        status.publish(state: life.state)
        publishHolding()
        if before != life.state {
            logger.info("runtime state changed", metadata: ["agent.state": "\(life.state.rawValue)", "error.reason": "\(life.reason ?? "none")"])
        }
        await rotateLog()
        return pause
    }

    private var pause: Duration {
        switch life.state {
        case .ready: status.openRelays > 0 || (numbers?.running ?? 0) > 0 ? Self.busyPause : Self.idlePause
        case .starting: Self.startingPause
        default: Self.brokenPause
        }
    }

    /// Ends the runtime if it is ours.
    func stop() async {
        if let owned { _ = await end(owned) }
        status.publish(state: .stopped)
    }

    private func end(_ owned: ProcessIdentity) async -> Bool {
        if await process.stop(owned) { return true }
        logger.error("the runtime's processes do not end", metadata: ["process.id": "\(owned.pid)"])
        return false
    }

    /// What the runtime wrote last. Of a failure an empty log says nothing, else that it is empty.
    private mutating func tellLog(hasFailed: Bool) {
        let isOurs = !status.configuration.command.isEmpty && !isForeign
        let due = telling.due(hasFailed: hasFailed, errors: status.errorCount, isReady: life.state == .ready, isOurs: isOurs, now: .now)
        guard let due else { return }
        let lines = process.log.tail(redact: redact)
        if due == .routine || !lines.isEmpty { status.publish(logTail: lines) }
    }

    /// An order for a process that is not there any more has been carried out.
    private mutating func orderedRestart() -> RuntimeLife.Action? {
        guard let replaced = status.takeOrder(), !status.configuration.command.isEmpty, !isForeign, owned?.text ?? "" == replaced else {
            return nil
        }
        return life.ordered(now: .now)
    }

    private mutating func observe() async -> RuntimeLife.Observation {
        let processNow = await processState()
        guard processNow != .dead else { return RuntimeLife.Observation(process: .dead, health: .absent) }
        let health = await client.health()
        if isForeign, health == .absent {
            isForeign = false
            return RuntimeLife.Observation(process: .dead, health: .absent)
        }
        let seen = RuntimeLife.Observation(process: processNow, health: health)
        if life.state != .starting, health == .ready || seen.isUnanswered { await readNumbers() }
        return RuntimeLife.Observation(
            process: processNow, health: health, wedged: progress.isWedged,
            isMoving: progress.isMoving(lastByte: status.lastByte, now: .now))
    }

    private mutating func processState() async -> RuntimeLife.Process {
        guard let owned else { return status.configuration.command.isEmpty || isForeign ? .notOurs : .dead }
        if owned.isAlive { return .alive }
        // A leader that ended may have left engines behind that hold the accelerator's memory: no other is started beside them.
        guard await end(owned) else { return .alive }
        self.owned = nil
        return .dead
    }

    private mutating func readNumbers() async {
        numbers = await client.numbers(version: status.facts.version.flatMap { RuntimeVersion($0) })
        status.publish(numbers: numbers)
        let isSuspicious = progress.looksWedged(
            relaying: status.openRelays, silentSince: status.silentSince, workMark: numbers?.workMark, now: .now)
        guard isSuspicious, ContinuousClock.now >= nextProbe else { return }
        let pause = min(Self.longestProbe, status.configuration.progressTimeout)
        nextProbe = .now + pause
        progress.probed(await client.proof(model: status.facts.servedModel, within: pause), queue: numbers?.queue)
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
            if let owned { _ = await end(owned) }
        case .describe:
            status.publish(facts: await client.facts())
        }
    }

    private mutating func start() {
        progress.restarted(now: .now)
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
        coveredLog = process.log.cover(from: coveredLog, redact: redact)
        looks += 1
        guard looks % 32 == 0, !process.log.rotateIfLarge() else { return }
        logger.warning("runtime log cannot be rotated", metadata: ["file.path": "\(process.log.path)"])
    }
}
