/// A trace in words, as operators are shown it. Times are microseconds after acceptance.
package struct RoutingAccount: Sendable, Encodable, Equatable {
    /// What is still known of a worker.
    package struct WorkerName: Sendable {
        package var id: String
        /// Nil: not known any more.
        package var host: String?

        package init(id: String, host: String?) {
            self.id = id
            self.host = host
        }
    }

    package struct Candidate: Sendable, Encodable, Equatable {
        /// Its id, or how the id of one begins that is not known any more.
        package var worker: String
        package var host: String?
        package var role: String
        package var cost: Int64
        package var priceMicroUsd: Int64?
    }

    package struct Attempt: Sendable, Encodable, Equatable {
        package var worker: String?
        package var host: String?
        package var reason: String
        package var startedAfter: Int64
        package var firstTokenAfter: Int64?
        package var endedAfter: Int64
        package var result: String
        /// Of the choice that was made for it; absent: it is the request's first one.
        package var choice: Choice?
    }

    package struct Choice: Sendable, Encodable, Equatable {
        /// That the model and the rules of tenant and key allow.
        package var workers: Int
        /// Of those that were looked at, how many were no candidates for which reason.
        package var passedOver: [String: Int]
        package var candidates: [Candidate]
    }

    package var promptTokens: Int
    package var cachedTokens: Int
    package var fault: String?
    /// Of the first choice.
    package var workers: Int
    package var passedOver: [String: Int]
    package var candidates: [Candidate]
    package var attempts: [Attempt]

    package init(_ trace: RoutingTrace, names: [WorkerMark: WorkerName]) {
        let choices = trace.choices
        let told = choices.map { Choice($0, names) }
        promptTokens = trace.promptTokens
        cachedTokens = trace.cachedTokens
        fault = trace.fault?.rawValue
        workers = told.first?.workers ?? 0
        passedOver = told.first?.passedOver ?? [:]
        candidates = told.first?.candidates ?? []
        attempts = trace.attempts.map { attempt in
            let place = Int(attempt.choice)
            let worker = place < choices.count ? choices[place].taken.map { told[place].candidates[$0] } : nil
            return Attempt(
                worker: worker?.worker, host: worker?.host, reason: attempt.reason.rawValue, startedAfter: attempt.startedAfter,
                firstTokenAfter: attempt.firstTokenAfter < 0 ? nil : attempt.firstTokenAfter, endedAfter: attempt.endedAfter,
                result: attempt.result.rawValue, choice: place > 0 && place < told.count ? told[place] : nil)
        }
    }
}

extension RoutingAccount.Choice {
    fileprivate init(_ choice: RoutingChoice, _ names: [WorkerMark: RoutingAccount.WorkerName]) {
        workers = Int(choice.workers)
        let counts = RoutingChoice.Bar.allCases.map { ("\($0)", Int(choice.barred($0))) }
        passedOver = Dictionary(counts.filter { $0.1 > 0 }, uniquingKeysWith: +)
        candidates = choice.candidates.map { candidate in
            let name = names[candidate.mark]
            return RoutingAccount.Candidate(
                worker: name?.id ?? candidate.mark.description, host: name?.host, role: candidate.role.rawValue, cost: candidate.cost,
                priceMicroUsd: candidate.price == 0 ? nil : Int64(candidate.price))
        }
    }
}

extension RoutingTrace {
    /// All workers that stood to choose.
    package var marks: Set<WorkerMark> { Set(choices.flatMap { $0.candidates.map(\.mark) }) }
}
