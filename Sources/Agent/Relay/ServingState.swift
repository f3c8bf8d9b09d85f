package import PlimsollWire

/// Whether this host takes requests. Three wills meet here: the control plane's desired state, its last drain or resume operation, and the
/// end of the program itself.
package struct ServingState: Sendable {
    private var desired: HostIntent?
    private var operation: HostIntent?
    private var isStopping = false
    package private(set) var openRequests = 0

    package init() {}

    package var admits: Bool { intent == .serve }

    package var agentState: AgentState {
        if admits { return .serving }
        return openRequests == 0 ? .drained : .draining
    }

    private var intent: HostIntent {
        if isStopping { return .drain }
        return operation ?? desired ?? .serve
    }

    /// Level: an operation stands until the desired state itself changes.
    package mutating func desire(_ intent: HostIntent) {
        if let before = desired, before != intent { operation = nil }
        desired = intent
    }

    /// Edge: a drain or resume that was ordered now, or before this agent's start.
    package mutating func obey(_ kind: OperationKind) {
        switch kind {
        case .drain: operation = .drain
        case .resume: operation = .serve
        case .restart: break
        }
    }

    /// There is no way back.
    package mutating func stop() { isStopping = true }

    package mutating func begin() { openRequests += 1 }

    package mutating func end() {
        precondition(openRequests > 0, "a request ended that never began")
        openRequests -= 1
    }
}
