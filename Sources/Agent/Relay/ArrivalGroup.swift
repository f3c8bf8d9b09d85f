import NIOCore

/// When requests of one runtime that wait for each other go on. They go together, so that it takes them into one batch, and none later than its own
/// window after the first of them came.
struct ArrivalGroup {
    enum Decision: Equatable {
        /// There is nobody to wait for.
        case goes
        case waits(until: NIODeadline)
        /// It goes, and all who wait with it.
        case completes
    }

    /// Who waits.
    private(set) var count = 0
    private var began = NIODeadline.uptimeNanoseconds(0)
    private var until = NIODeadline.distantFuture

    /// - Parameters:
    ///   - window: Above zero.
    ///   - isAlone: The runtime has nothing else to do, and nothing else is on its way to it.
    ///   - slots: Of the runtime: more at once it would not work on together.
    mutating func arrive(window: TimeAmount, isAlone: Bool, slots: Int, now: NIODeadline) -> Decision {
        if count == 0 {
            guard !isAlone, slots > 1 else { return .goes }
            began = now
            until = .distantFuture
        }
        until = min(until, began + window)
        guard count + 1 < slots, now < until else {
            count = 0
            return .completes
        }
        count += 1
        return .waits(until: until)
    }

    /// One that waited was given up.
    mutating func leave() { count -= 1 }

    /// The time is over.
    mutating func release() { count = 0 }
}
