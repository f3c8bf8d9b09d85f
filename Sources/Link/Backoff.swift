import NIOCore

/// How a link ended for the side that dialled it.
struct LinkEnd {
    /// Nil: it drained.
    var lost: LinkError?
    /// Since the peer's first frame; zero when none came.
    var lived: Duration
}

/// Waits between dials: anything between nothing and a bound, which doubles from `reconnectMinimum` to `reconnectMaximum`.
///
/// The first wait after a link that worked is random, too: when a gateway dies, all its hosts see it in the same millisecond, and half a second
/// spreads ten thousand handshakes enough for the gateway that takes its place, while a single host is hardly slower.
struct Backoff {
    /// A link that drained earlier than this did not work: its peer would be dialled in a loop.
    private static let drainedTooSoon = Duration.seconds(1)
    /// After a link that lived this long the waits begin anew.
    private static let worked = Duration.seconds(5)

    private let minimum: Double
    private let maximum: Double
    private(set) var attempts = 0

    init(_ settings: LinkSettings) {
        minimum = Double(settings.reconnectMinimum.nanoseconds) / 1e9
        maximum = Double(settings.reconnectMaximum.nanoseconds) / 1e9
    }

    /// A peer that drains has another link made at once: it says so while it still serves.
    mutating func next(after end: LinkEnd) -> Duration {
        if end.lived >= Self.worked { attempts = 0 }
        if end.lost == nil, end.lived >= Self.drainedTooSoon { return .zero }
        return next()
    }

    mutating func next() -> Duration {
        let bound = min(maximum, minimum * Double(1 << min(attempts, 16)))
        attempts += 1
        return .seconds(Double.random(in: 0...bound))
    }
}
