/// Tells a runtime that works slowly from one that is wedged: open requests, and neither a byte nor a step of the engine for too long.
struct ProgressWatch {
    private let timeout: Duration
    private var lastWorkMark: Double?
    private var lastWork: ContinuousClock.Instant

    init(timeout: Duration, now: ContinuousClock.Instant) {
        self.timeout = timeout
        lastWork = now
    }

    /// - Parameters:
    ///   - relaying: open requests of the agent itself; others' are not its proof.
    ///   - lastByte: when the relay last saw a byte from the runtime or began a first request.
    ///   - workMark: the engine's own counter of steps; nil when the page could not be read.
    /// - Returns: true when the runtime must be asked for one token now.
    mutating func looksWedged(relaying: Int, lastByte: ContinuousClock.Instant, workMark: Double?, now: ContinuousClock.Instant) -> Bool {
        if let workMark, workMark != lastWorkMark {
            lastWorkMark = workMark
            lastWork = now
        }
        if relaying == 0 { lastWork = now }
        return relaying > 0 && now - max(lastByte, lastWork) >= timeout
    }
}
