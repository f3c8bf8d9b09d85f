import HTTPWire
import NIOCore
import PlimsollWire

/// An answer of the sample on its way from its loop to the desk that judges it.
struct EndedAnswer: Sendable {
    /// Among which answers it counts.
    struct Place: Sendable, Hashable {
        /// Id.
        var mitigation: String
        var model: String
        var tier: String
        var region: String
        /// Hours since 1970.
        var hour: Int64
    }

    var place: Place
    var asked: AnswerAsked
    var bytes: ByteBuffer
    var isEventStream: Bool
    /// There was more of it than is kept.
    var isCut: Bool
    /// As the request knows it, for what is not kept.
    var finishReason: String?
    var isBroken: Bool

    /// Nil: too little of it is kept to be judged.
    var verdict: AnswerVerdict? {
        guard let choices else { return nil }
        var found = Set(choices.flatMap { Self.faults(in: $0) })
        if isBroken {
            found.insert(.cutOff)
        } else if choices.isEmpty {
            found.insert(.empty)
        } else {
            for choice in choices { found.formUnion(faults(of: choice)) }
        }
        return AnswerVerdict(found)
    }

    private var choices: [SaidChoice]? {
        let bytes = Array(bytes.readableBytesView)
        return isEventStream ? SaidChoice.read(events: bytes) : SaidChoice.read(whole: bytes)
    }

    /// Of the whole of a choice.
    private func faults(of choice: SaidChoice) -> [AnswerFailure] {
        var faults: [AnswerFailure] = []
        let isFull = choice.finishReason ?? finishReason == "length"
        if isFull, !asked.length { faults.append(.cutOff) }
        guard !isCut else { return faults }
        guard choice.calls.isEmpty else {
            // What a cap ended in the middle is no JSON by right.
            if !isFull, choice.calls.values.contains(where: { !$0.isEmpty && !Self.isJSON($0) }) { faults.append(.brokenArguments) }
            return faults
        }
        // One that was still thinking when it was as long as it may be.
        let wasThinking = isFull && !choice.reasoning.isEmpty
        if choice.isBlank, !wasThinking { faults.append(.empty) }
        if asked.call, !isFull { faults.append(.noCall) }
        if asked.json, !asked.call, !isFull, !choice.isBlank, !Self.isJSON(choice.text) { faults.append(.notJSON) }
        return faults
    }

    /// Of what there is of a choice.
    private static func faults(in choice: SaidChoice) -> [AnswerFailure] {
        var faults: [AnswerFailure] = []
        if choice.repeats { faults.append(.repeats) }
        if choice.isGarbled { faults.append(.garbled) }
        return faults
    }

    private static func isJSON(_ text: String) -> Bool { (try? JSONValue.parse(text)) != nil }
}

/// What rules say of one answer.
struct AnswerVerdict: Sendable, Equatable {
    /// In the order of their kinds.
    let failures: [AnswerFailure]

    init(_ failures: Set<AnswerFailure>) {
        self.failures = AnswerFailure.allCases.filter(failures.contains)
    }

    /// Parts per million: a whole one, less what each failure takes of it.
    var scorePpm: Int64 { max(0, 1_000_000 - failures.reduce(0) { $0 + $1.costPpm }) }
}

extension AnswerFailure {
    /// What an answer with it is worth less, parts per million: nothing is left of one that cannot be used at all.
    var costPpm: Int64 {
        switch self {
        case .empty: 1_000_000
        case .notJSON, .noCall, .brokenArguments: 800_000
        case .repeats, .garbled: 600_000
        case .cutOff: 500_000
        }
    }
}
