import Domain
import OpenAIWire
import PlimsollWire

extension RequestDecision {
    /// - Parameter names: Ids of workers by their numbers.
    init(_ trace: DecisionTrace, names: [UInt32: String]) {
        func name(_ number: UInt32) -> String { names[number] ?? "gone" }
        self.init(
            requestId: trace.requestId.description, acceptedAt: trace.acceptedAt, queuedFor: trace.queuedFor, promptTokens: trace.promptTokens,
            cachedTokens: trace.cachedTokens,
            candidates: trace.choice.candidates.map { candidate in
                Candidate(
                    worker: name(candidate.worker), role: candidate.role.rawValue, cost: candidate.cost,
                    priceMicroUsd: candidate.price == 0 ? nil : Int64(candidate.price))
            },
            attempts: trace.attempts.map { attempt in
                Attempt(
                    worker: name(attempt.worker), reason: attempt.reason.rawValue, startedAfter: attempt.startedAfter,
                    firstTokenAfter: attempt.firstTokenAfter < 0 ? nil : attempt.firstTokenAfter, endedAfter: attempt.endedAfter,
                    result: attempt.result.rawValue)
            },
            fault: trace.fault?.rawValue)
        leasedFor = trace.leasedFor
        retrieval = trace.retrieval.map { Int64($0.microseconds) }
    }

    /// Of a request that was never routed.
    init(_ refusal: RefusalTrace) {
        self.init(
            requestId: refusal.requestId.description, acceptedAt: refusal.acceptedAt, queuedFor: 0, promptTokens: refusal.promptTokens,
            cachedTokens: 0, candidates: [], attempts: [], fault: Fault(refusal.code.fault).rawValue)
        leasedFor = refusal.leasedFor
        self.refusal = Refusal(
            code: refusal.code.rawValue, status: refusal.status, param: refusal.param, tenant: refusal.key?.tenant.id, key: refusal.key?.id,
            tier: refusal.key?.tier.name, model: refusal.model?.entry.name, refusedAfter: refusal.refusedAfter, retryAfter: refusal.retryAfter)
    }
}

extension DecisionTrace {
    func addWorkers(to workers: inout Set<UInt32>) {
        for candidate in choice.candidates { workers.insert(candidate.worker) }
        for attempt in attempts { workers.insert(attempt.worker) }
    }
}
