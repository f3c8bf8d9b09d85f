import Glibc

/// A time on the monotonic clock. `ContinuousClock` counts in 128 bits, which shows at several hundred thousand readings a second.
struct Moment: Comparable {
    let nanoseconds: Int64

    static var now: Moment {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Moment(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    static func < (left: Moment, right: Moment) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// Nanoseconds from one to the other.
    static func - (later: Moment, earlier: Moment) -> Int64 {
        later.nanoseconds - earlier.nanoseconds
    }

    func after(milliseconds: Double) -> Moment {
        Moment(nanoseconds: nanoseconds + Int64(milliseconds * 1e6))
    }
}
