import PlimsollWire

/// Decides about one runtime: when it is ready, when it is started again, when it is given up. No I/O; the supervisor acts.
struct RuntimeLife {
    enum Process: Sendable, Equatable {
        /// Somebody else starts this runtime.
        case notOurs
        case alive
        case dead
    }

    struct Observation: Sendable {
        var process: Process
        var health: RuntimeClient.Health
        /// The runtime has open requests, moved no byte for too long and did not answer probes.
        var wedged = false
        /// A byte came from it or its engine did a step within the progress timeout.
        var isMoving = false

        /// Its health endpoint gave no answer, which a busy runtime may do as well as a broken one.
        var isUnanswered: Bool {
            switch health {
            case .silent: true
            case .absent: process == .alive
            case .ready, .loading, .failing: false
            }
        }
    }

    enum Action: Equatable {
        case start
        /// Stop it with its grace time; the next observation finds it dead.
        case stop(reason: String)
        /// It answers from now on: read what it says about itself.
        case describe
    }

    /// Restarts within `window` before it is left alone until the window has passed.
    static let restartLimit = 3
    static let restartWindow: Duration = .seconds(600)
    /// Looks at a ready runtime that fail before it leaves rotation, and before it is restarted.
    static let failuresToUnhealthy = 3
    static let failuresToRestart = 10

    private(set) var state: RuntimeState = .starting
    /// Why it is not ready; for people.
    private(set) var reason: String?
    private let startupDeadline: Duration
    private let backoffs: [Duration]
    private var startedAt: ContinuousClock.Instant
    private var restarts: [ContinuousClock.Instant] = []
    private var hasStarted = false
    private var failures = 0

    init(startupDeadline: Duration, backoffs: [Duration] = [.milliseconds(500), .seconds(2), .seconds(8)], now: ContinuousClock.Instant) {
        self.startupDeadline = startupDeadline
        self.backoffs = backoffs
        startedAt = now
    }

    /// A process from before this agent's start was found alive.
    mutating func adopted(now: ContinuousClock.Instant) {
        hasStarted = true
        startedAt = now
    }

    mutating func observe(_ seen: Observation, now: ContinuousClock.Instant) -> Action? {
        if seen.process == .dead { return processDied(now: now) }
        if seen.wedged { return failed("requests are open and no token comes", restart: true, seen, now: now) }
        if seen.isMoving, seen.isUnanswered, state != .starting {
            // Health is tokens that move; the endpoint is a hint.
            failures = 0
            return nil
        }
        switch seen.health {
        case .ready: return becameReady()
        case .loading, .absent: return stillSilent(seen, now: now)
        case .silent(let words), .failing(let words): return answersBadly(words, seen, now: now)
        }
    }

    /// Somebody wants another process in place of this one, or of the one that was given up.
    mutating func ordered(now: ContinuousClock.Instant) -> Action {
        state = .unhealthy
        reason = "a restart was ordered"
        restarts = []
        failures = 0
        startedAt = now
        return .stop(reason: "a restart was ordered")
    }

    private mutating func becameReady() -> Action? {
        failures = 0
        reason = nil
        guard state != .ready else { return nil }
        state = .ready
        return .describe
    }

    private mutating func stillSilent(_ seen: Observation, now: ContinuousClock.Instant) -> Action? {
        if state == .ready, seen.process == .notOurs {
            // Its owner restarts it: nothing can be lost by leaving rotation at once.
            state = .starting
            startedAt = now
            reason = "the runtime does not listen"
            return nil
        }
        if state == .ready { return answersBadly("the runtime stopped listening", seen, now: now) }
        guard now - startedAt >= startupDeadline else { return nil }
        return failed("not ready within its startup deadline", restart: true, seen, now: now)
    }

    private mutating func answersBadly(_ words: String, _ seen: Observation, now: ContinuousClock.Instant) -> Action? {
        failures += 1
        if state == .starting, now - startedAt < startupDeadline { return nil }
        guard failures >= Self.failuresToUnhealthy else { return nil }
        return failed(words, restart: failures >= Self.failuresToRestart, seen, now: now)
    }

    private mutating func failed(_ words: String, restart: Bool, _ seen: Observation, now: ContinuousClock.Instant) -> Action? {
        state = .unhealthy
        reason = words
        guard restart, seen.process == .alive else { return nil }
        failures = 0
        startedAt = now
        return .stop(reason: words)
    }

    private mutating func processDied(now: ContinuousClock.Instant) -> Action? {
        guard hasStarted else {
            hasStarted = true
            startedAt = now
            return .start
        }
        if state != .unhealthy { state = .unhealthy }
        restarts.removeAll { now - $0 >= Self.restartWindow }
        guard restarts.count < Self.restartLimit else {
            reason = "restarted \(Self.restartLimit) times in ten minutes and died again"
            return nil
        }
        reason = reason ?? "the process ended"
        let wait = backoffs.isEmpty ? .zero : backoffs[min(restarts.count, backoffs.count - 1)]
        guard now - lastStart >= wait else { return nil }
        restarts.append(now)
        startedAt = now
        state = .starting
        failures = 0
        return .start
    }

    private var lastStart: ContinuousClock.Instant { startedAt }
}
