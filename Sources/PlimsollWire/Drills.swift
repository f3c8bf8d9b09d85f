/// What a drill does to a worker on purpose, at every gateway, until an instant.
package struct DrillEffect: Sendable, Codable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        /// Nothing reaches it any more, and what is open there is lost.
        case cut
        /// What it is asked reaches it later.
        case slow
        /// What it answers to probes counts as wrong; customers' answers stay what they are.
        case wrong
    }

    /// As the control plane spells it: one that a gateway does not know has no effect there.
    package var effect: String
    /// Of a slow one.
    package var delayMilliseconds: Int?
    /// It is probed as often as this says; nil: as always.
    package var probeSeconds: Int?
    /// Seconds since 1970. It ends then at a gateway that hears of nothing newer, too.
    package var untilSeconds: Int64

    package init(effect: String, delayMilliseconds: Int? = nil, probeSeconds: Int? = nil, untilSeconds: Int64) {
        self.effect = effect
        self.delayMilliseconds = delayMilliseconds
        self.probeSeconds = probeSeconds
        self.untilSeconds = untilSeconds
    }

    /// Nil: not one of this release's.
    package var kind: Kind? { Kind(rawValue: effect) }
}
