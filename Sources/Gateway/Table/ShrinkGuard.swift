/// Holds back a table that would take most of a fleet away at once, because a fault of the control plane looks just like that.
///
/// A table that leaves fewer than half of at least eight workers is believed when a second version says the same, or when the same one is
/// still offered after half a minute.
struct ShrinkGuard: Sendable {
    static let smallestFleet = 8
    static let confirmationSeconds: Int64 = 30

    private var heldVersion: Int64?
    private var heldSince: Int64 = 0

    /// Seconds until the version that is held back would be admitted; nil when none is.
    func due(now: Int64) -> Int64? {
        heldVersion.map { _ in max(0, heldSince + Self.confirmationSeconds - now) }
    }

    /// - Parameter now: Seconds of any clock that goes on.
    mutating func admits(version: Int64, workers: Int, present: Int, now: Int64) -> Bool {
        guard present >= Self.smallestFleet, workers * 2 < present else {
            heldVersion = nil
            return true
        }
        guard let held = heldVersion else {
            heldVersion = version
            heldSince = now
            return false
        }
        guard version > held || now - heldSince >= Self.confirmationSeconds else { return false }
        heldVersion = nil
        return true
    }
}
