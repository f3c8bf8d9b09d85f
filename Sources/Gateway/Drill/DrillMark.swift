import PlimsollWire
import Synchronization

/// Until when a drill cuts a worker off. Outlives tables, so that what was begun under an older one is cut as well.
final class DrillMark: Sendable {
    /// Seconds since 1970; 0: it does not.
    private let cutUntil = Atomic<Int64>(0)

    /// As a new table has it.
    func take(_ effect: DrillEffect?) {
        cutUntil.store(effect?.kind == .cut ? effect?.untilSeconds ?? 0 : 0, ordering: .relaxed)
    }

    /// One read of memory while there is no drill.
    var isCut: Bool {
        let until = cutUntil.load(ordering: .relaxed)
        return until != 0 && LoopClock.wallSeconds < until
    }
}

extension Worker {
    /// What a drill does to it at this moment; nil: nothing.
    var drill: DrillEffect? {
        guard let drill = entry.drill, LoopClock.wallSeconds < drill.untilSeconds else { return nil }
        return drill
    }

    func isDrilled(_ kind: DrillEffect.Kind) -> Bool { drill?.kind == kind }
}

extension DrillEffect {
    /// Microseconds from one probe to the next while it lasts; nil: as always.
    func probeInterval(atSeconds now: Int64) -> Int64? {
        now < untilSeconds ? probeSeconds.map { Int64($0) * 1_000_000 } : nil
    }
}
