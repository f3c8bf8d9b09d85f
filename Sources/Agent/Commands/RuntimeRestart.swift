import FoundationEssentials
import PlimsollWire

/// A restart of one runtime on its way: what is open gets some time, then another process must take the place of the one that is there. Which one
/// had to go is written down before it goes, so that a restart that an agent's death interrupted does not happen twice.
struct RuntimeRestart {
    enum Step: Equatable {
        case replace(process: String)
        case end(OperationState, String?)
    }

    /// Longest time that open requests get, of which the runtime's start needs the greater part.
    private static let mostDrain: TimeInterval = 60

    let id: String
    let runtime: String
    private let deadline: Date
    private let drainUntil: Date
    private var replaced: String?
    private var isOrdered = false
    private var cut = 0

    /// - Parameter replaced: As the journal has it: the process that had to go before this agent started.
    init(id: String, runtime: String, now: Date, deadline: Date, replaced: String?) {
        self.id = id
        self.runtime = runtime
        self.deadline = deadline
        self.replaced = replaced
        drainUntil = now.addingTimeInterval(min(Self.mostDrain, deadline.timeIntervalSince(now) / 3))
    }

    mutating func look(_ standing: RuntimeStanding?, now: Date) -> Step? {
        guard let standing else { return .end(.failed, "this host has no such runtime") }
        switch standing.holding {
        case .foreign: return .end(.failed, "the agent did not start this runtime")
        case .ours(let process):
            if let step = look(standing, process, now: now) { return step }
        case .unknown: break
        }
        return now >= deadline ? .end(.failed, "the runtime was not ready by the deadline") : nil
    }

    private mutating func look(_ standing: RuntimeStanding, _ process: String, now: Date) -> Step? {
        if let replaced, !process.isEmpty, process != replaced {
            return standing.isReady ? .end(.done, cut > 0 ? "\(cut) requests were cut" : nil) : nil
        }
        guard !isOrdered, replaced != nil || standing.openRequests == 0 || now >= drainUntil else { return nil }
        cut = standing.openRequests
        isOrdered = true
        replaced = process
        return .replace(process: process)
    }
}
