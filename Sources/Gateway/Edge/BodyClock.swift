import NIOCore

/// How long a client may take for the rest of a body: no long pause, a kibibyte a second, and the whole in its time.
struct BodyClock {
    private let started: NIODeadline
    private let pause: TimeAmount
    private let limit: NIODeadline
    private let least: Int64
    /// To be looked at from time to time.
    private(set) var deadline: NIODeadline

    @inline(__always)
    init(_ settings: GatewaySettings, now: NIODeadline) {
        started = now
        pause = .seconds(Int64(settings.bodyTime))
        limit = now + .seconds(Int64(settings.bodyTotalTime))
        least = Int64(settings.bodyRate)
        deadline = min(now + pause, limit)
    }

    /// - Parameter bytes: Of the body, so far.
    mutating func received(_ bytes: Int, now: NIODeadline) {
        // Each byte buys the time that it may take, on top of one pause.
        let earned = started + pause + .milliseconds(Int64(bytes) * 1000 / least)
        deadline = min(now + pause, limit, earned)
    }
}
