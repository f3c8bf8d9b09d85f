/// Misbehaviour on command.
enum Fault: String, CaseIterable {
    /// The request takes its slot and nothing is ever answered.
    case hangBeforeHead = "hang_before_head"
    /// Some tokens, then silence on an open connection.
    case hangMidStream = "hang_mid_stream"
    /// Some tokens, then the connection closes without an end.
    case closeMidStream = "close_mid_stream"
    /// The right bytes, one at a time.
    case drip
    /// Answers as another model: another name and other text.
    case wrongModel = "wrong_model"
    /// Bytes that are neither JSON nor events.
    case garbage
    /// Ten times the tokens in `usage`.
    case inflatedUsage = "inflated_usage"
    /// Every request is refused with 503.
    case storm503 = "storm_503"
    /// The process dies after some tokens, without a word.
    case crash
}

/// Which fault the next requests meet.
struct FaultPlan {
    struct Dose: Equatable {
        let fault: Fault
        /// Tokens that are delivered first, where the fault has a "first".
        let after: Int
    }

    private(set) var fault: Fault?
    private var after = 0
    /// Requests still to be hit; nil: all until cleared.
    private(set) var left: Int?

    mutating func order(_ fault: Fault?, after: Int, count: Int?) {
        self.fault = fault
        self.after = max(0, after)
        left = count
    }

    /// What gateways ask by themselves, now and then: it does not use up a fault that is meant for so many requests.
    static let probePrompt = "Answer with one word: ready."

    /// The fault for the request that arrives now.
    mutating func dose(prompt: String = "") -> Dose? {
        guard let fault else { return nil }
        if left != nil, prompt.contains(Self.probePrompt) { return nil }
        if let left {
            guard left > 0 else {
                self.fault = nil
                return nil
            }
            self.left = left - 1
        }
        return Dose(fault: fault, after: after)
    }
}
