import Domain

/// When a gateway tells its counters: every few seconds, and soon after each minute's end, so that a minute is complete at the control plane within
/// five seconds of it. Gateways do so one after the other within a second.
struct MinutePace {
    private static let minute: Int64 = 60_000_000
    /// Loops hand over what they counted within this time.
    private static let settling: Int64 = 200_000
    private static let spread: UInt64 = 1_000_000

    private let interval: Duration
    /// Microseconds after a minute's end.
    private let offset: Int64

    init(gateway: String, interval: Duration) {
        self.interval = interval
        // FNV-1a: the same gateway always has the same place.
        let hash = gateway.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        offset = Self.settling + Int64(hash % Self.spread)
    }

    /// - Parameters:
    ///   - now: Microseconds since 1970.
    ///   - wasTold: False: the last try failed, and the next one is soon.
    ///   - retryAfter: What the control plane asked for when it failed.
    func pause(at now: Int64, wasTold: Bool, retryAfter: Duration? = nil) -> Duration {
        let past = (now - offset) % Self.minute
        let toEnd = Duration.microseconds(Self.minute - (past < 0 ? past + Self.minute : past))
        return max(min(wasTold ? interval : min(interval, .seconds(1)), toEnd), retryAfter ?? .zero)
    }
}
