/// First tokens of the last seconds, as they come and not when their answers end: what a fast signal of late ones is made of.
package struct RecentFirstTokens: Sendable {
    /// Seconds that are looked back.
    package static let window: Int64 = 30

    private var pieces: [(at: Int64, counts: [ServiceName: LatencyCounter])] = []

    package init() {}

    /// What came since the last time. A clock that goes back begins anew.
    ///
    /// - Parameter now: Seconds since 1970.
    package mutating func note(_ counts: [ServiceName: LatencyCounter], now: Int64) {
        pieces.removeAll { now - $0.at >= Self.window || $0.at > now }
        if !counts.isEmpty { pieces.append((now, counts)) }
    }

    /// Of all that was noted within the window.
    package var counts: [ServiceName: LatencyCounter] {
        pieces.reduce(into: [:]) { sum, piece in sum.merge(piece.counts, uniquingKeysWith: +) }
    }
}
