import FoundationEssentials
import Synchronization

/// Time that passes as soon as somebody waits for it, up to `end`; after that nobody's wait ends.
final class JumpingClock: Clock {
    struct Instant: InstantProtocol {
        var elapsed = Swift.Duration.zero

        func advanced(by duration: Swift.Duration) -> Instant { Instant(elapsed: elapsed + duration) }
        func duration(to other: Instant) -> Swift.Duration { other.elapsed - elapsed }
        static func < (left: Instant, right: Instant) -> Bool { left.elapsed < right.elapsed }
    }

    let minimumResolution = Swift.Duration.nanoseconds(1)
    private let elapsed = Mutex(Swift.Duration.zero)
    private let end: Swift.Duration
    private let start = Date()

    init(end: Swift.Duration) { self.end = end }

    var now: Instant { Instant(elapsed: elapsed.withLock { $0 }) }
    var date: Date { start.addingTimeInterval(TimeInterval(now.elapsed.components.seconds)) }

    func sleep(until deadline: Instant, tolerance: Swift.Duration?) async throws {
        try Task.checkCancellation()
        guard deadline.elapsed <= end else { return try await Task.sleep(for: .seconds(3600)) }
        elapsed.withLock { $0 = max($0, deadline.elapsed) }
        await Task.yield()
    }
}
