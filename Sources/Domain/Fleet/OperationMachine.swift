/// Life of one command to an agent: delivered at least once, effect once, one end.
package enum OperationPhase: String, Sendable, CaseIterable {
    case queued
    case sent
    case running
    case done
    case failed
    case expired
    case superseded

    package var isFinal: Bool {
        switch self {
        case .queued, .sent, .running: false
        case .done, .failed, .expired, .superseded: true
        }
    }

    /// Whether a report of `next` moves the operation. A final phase is never left, and a late or repeated report changes nothing.
    package func allows(_ next: OperationPhase) -> Bool {
        guard !isFinal, next != self else { return false }
        switch next {
        case .queued: return false
        case .sent: return self == .queued
        // A report can overtake the note that the operation was sent.
        case .running, .done, .failed, .expired: return true
        case .superseded: return self != .running
        }
    }

    /// What a report makes of the operation: the new phase, or the present one when the report changes nothing.
    package func applying(_ report: OperationPhase) -> OperationPhase {
        allows(report) ? report : self
    }
}
