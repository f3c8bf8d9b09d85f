/// When the end of a runtime's log is told: when it begins to fail, while it fails requests, and from time to time, so that it is known what is in it.
struct LogTelling {
    enum Reason {
        case failure
        /// Nothing is wrong: also an empty log is worth telling.
        case routine
    }

    private static let failurePause: Duration = .seconds(60)
    /// By then it was probed, as customers ask.
    private static let settling: Duration = .seconds(120)
    private static let routinePause: Duration = .seconds(3_600)

    private var failure: (errors: Int, at: ContinuousClock.Instant)?
    private var routineAt: ContinuousClock.Instant?

    /// - Parameters:
    ///   - errors: Requests that it failed, ever.
    ///   - isOurs: What it writes comes into a log of the agent's.
    mutating func due(hasFailed: Bool, errors: Int, isReady: Bool, isOurs: Bool, now: ContinuousClock.Instant) -> Reason? {
        let isFailing = errors > failure?.errors ?? 0 && failure.map { now - $0.at >= Self.failurePause } ?? true
        if hasFailed || isFailing {
            failure = (errors, now)
            return .failure
        }
        guard isOurs, isReady else { return nil }
        guard let due = routineAt else {
            routineAt = now + Self.settling
            return nil
        }
        guard now >= due else { return nil }
        routineAt = now + Self.routinePause
        return .routine
    }
}
