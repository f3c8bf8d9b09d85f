import PlimsollWire
import Glibc
import NIOCore

/// Time as the request path needs it: monotonic for durations, wall for records.
enum LoopClock {
    /// Microseconds since 1970.
    static func wallMicroseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }

    /// Seconds since 1970.
    static var wallSeconds: Int64 { wallMicroseconds() / 1_000_000 }
}

extension NIODeadline {
    /// Microseconds of the monotonic clock.
    var microseconds: Int64 { Int64(uptimeNanoseconds / 1000) }
}
