/// Tells a runtime that works slowly from one that is wedged: open requests, neither a byte nor a step of the engine for too long, and then no
/// token for whoever asks for one, twice.
struct ProgressWatch {
    /// Probes in a row that must fail: one can meet a pause that ends.
    private static let failuresToVerdict = 2

    private let timeout: Duration
    private var lastWorkMark: Double?
    /// When the engine last did a step, or had nothing of ours to do.
    private var lastWork: ContinuousClock.Instant
    private var lastStep: ContinuousClock.Instant?
    private var failures = 0
    private var queueAtProbe: RuntimeNumbers.Queue?

    init(timeout: Duration, now: ContinuousClock.Instant) {
        self.timeout = timeout
        lastWork = now
    }

    var isWedged: Bool { failures >= Self.failuresToVerdict }

    /// - Parameters:
    ///   - relaying: open requests of the agent itself; others' are not its proof.
    ///   - silentSince: when the relay last saw a byte from the runtime or began a first request.
    ///   - workMark: the engine's own counter of steps; nil when the page could not be read.
    /// - Returns: true when the runtime must be asked for one token now.
    mutating func looksWedged(
        relaying: Int, silentSince: ContinuousClock.Instant, workMark: Double?, now: ContinuousClock.Instant
    ) -> Bool {
        if let workMark, workMark != lastWorkMark {
            if lastWorkMark != nil { lastStep = now }
            lastWorkMark = workMark
            lastWork = now
        }
        if relaying == 0 { lastWork = now }
        let isSilent = relaying > 0 && now - max(silentSince, lastWork) >= timeout
        if !isSilent, !isWedged { failures = 0 }
        return isSilent || isWedged
    }

    /// Whether a byte or a step came lately enough to say that the runtime works.
    func isMoving(lastByte: ContinuousClock.Instant?, now: ContinuousClock.Instant) -> Bool {
        [lastByte, lastStep].contains { $0.map { now - $0 < timeout } ?? false }
    }

    /// Takes what came of asking for one token. A refusal because of others counts against the runtime only when its queue stands still.
    mutating func probed(_ proof: RuntimeClient.Proof, queue: RuntimeNumbers.Queue?) {
        let stands = queue != nil && queue == queueAtProbe
        queueAtProbe = queue
        switch proof {
        case .token: failures = 0
        case .refused where !stands: failures = 0
        case .refused, .nothing: failures += 1
        }
    }

    /// Another process: what was known is about the last one.
    mutating func restarted(now: ContinuousClock.Instant) {
        self = ProgressWatch(timeout: timeout, now: now)
    }
}
