/// What became of a routing table that was proven.
package enum TableAdoption: Sendable, Equatable {
    /// All of it is in force.
    case whole
    /// Models and workers of the last table stay, for this reason; tenants, keys and denied identities are the new one's.
    case fleetHeld(TableRefusal)
}

/// Why a routing table, or the fleet that it names, was not taken. The last good one stays.
package struct TableRefusal: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Reason: String, Sendable, CaseIterable {
        case wrongSignature = "wrong_signature"
        /// The entries are not those that were signed.
        case wrongDigest = "wrong_digest"
        case notNewer = "not_newer"
        /// A change to a version that is not ours.
        case wrongBase = "wrong_base"
        case noWorkers = "no_workers"
        /// More than half of the workers are gone; see `ShrinkGuard`.
        case shrunk
        case badEntry = "bad_entry"
        case tooLarge = "too_large"
        /// A file of the disk that cannot be read as a table.
        case unreadable
    }

    package let reason: Reason
    package let message: String

    init(_ reason: Reason, _ message: String) {
        self.reason = reason
        self.message = message
    }

    package var description: String { "\(reason.rawValue): \(message)" }
}
