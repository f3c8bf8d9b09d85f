/// How one request was routed: the choices that were made for it and what became of each attempt, in fixed fields, without text, never content.
/// `RoutingTrace+Packing` puts it into some 60 bytes, which stand beside the usage record.
package struct RoutingTrace: Sendable {
    /// Of choices and of attempts; what a request may have at most.
    package static let most = 6

    /// Of the prompt, as the gateway estimated them.
    package var promptTokens = 0
    /// Of them, those that the first worker was taken to hold.
    package var cachedTokens = 0
    /// Nil: nobody's.
    package var fault: Fault?
    private(set) var first = RoutingChoice()
    /// Of requests that were tried more than once: the only ones that need memory of their own.
    private(set) var later: [RoutingChoice] = []
    package private(set) var choiceCount = 0
    private var storage = InlineArray<6, RoutingAttempt>(repeating: RoutingAttempt(choice: 0, reason: .first, startedAfter: 0))
    package private(set) var attemptCount = 0

    package init() {}

    /// A worker was chosen.
    package private(set) var isPlaced = false

    package var choices: [RoutingChoice] { (0..<choiceCount).map(choice) }

    package func choice(_ place: Int) -> RoutingChoice { place == 0 ? first : later[place - 1] }

    package var attempts: [RoutingAttempt] { (0..<attemptCount).map { storage[$0] } }

    package func attempt(_ place: Int) -> RoutingAttempt { storage[place] }

    /// A choice for the next attempt. One without candidates, of a request that had to wait, makes way for the next one.
    package mutating func note(_ choice: RoutingChoice) {
        if choiceCount == 1, first.count == 0 { choiceCount = 0 }
        if choiceCount < Self.most { append(choice) }
    }

    mutating func append(_ choice: RoutingChoice) {
        if choiceCount == 0 {
            first = choice
            isPlaced = choice.taken != nil
        } else {
            later.append(choice)
        }
        choiceCount += 1
    }

    package mutating func note(_ attempt: RoutingAttempt) {
        guard attemptCount < Self.most else { return }
        storage[attemptCount] = attempt
        attemptCount += 1
    }
}

extension RoutingTrace: Equatable {
    /// Numbers of workers are no part of it: they mean nothing in another process.
    package static func == (one: RoutingTrace, other: RoutingTrace) -> Bool {
        one.promptTokens == other.promptTokens && one.cachedTokens == other.cachedTokens && one.fault == other.fault
            && one.choices.elementsEqual(other.choices, by: isSame) && one.attempts == other.attempts
    }

    private static func isSame(_ one: RoutingChoice, _ other: RoutingChoice) -> Bool {
        one.workers == other.workers && one.taken == other.taken && RoutingChoice.Bar.allCases.allSatisfy { one.barred($0) == other.barred($0) }
            && one.candidates.elementsEqual(other.candidates) {
                $0.mark == $1.mark && $0.role == $1.role && $0.cost == $1.cost && $0.price == $1.price
            }
    }
}
