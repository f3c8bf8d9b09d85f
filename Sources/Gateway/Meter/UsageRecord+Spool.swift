import Cryptography
import Domain
import PlimsollWire

extension UsageRecord {
    /// The wire's view of a final record.
    init(_ final: SpoolFinal, origin: SpoolOrigin) {
        let numbers = final.numbers
        self.init(
            requestId: final.requestId.description, tenant: final.subject.tenant, key: final.subject.key, tier: final.subject.tier,
            model: final.subject.model, release: final.target?.release, region: final.subject.region, worker: final.target?.worker,
            provider: final.target?.provider, gateway: origin.gateway, boot: origin.boot, sequence: final.sequence,
            acceptedAt: final.acceptedAt, firstTokenAfter: numbers.firstTokenAfter < 0 ? nil : numbers.firstTokenAfter,
            finishedAfter: numbers.finishedAfter, queuedFor: numbers.queuedFor, stream: final.flags.contains(.stream),
            status: Int(numbers.status), outcome: final.outcome, finishReason: final.finishReason.isEmpty ? nil : final.finishReason,
            errorCode: final.errorCode.isEmpty ? nil : final.errorCode, promptTokens: Int(numbers.promptTokens),
            cachedPromptTokens: Int(numbers.cachedPromptTokens), completionTokens: Int(numbers.completionTokens),
            reasoningTokens: Int(numbers.reasoningTokens), billablePromptTokens: Int(numbers.billablePromptTokens),
            billableCompletionTokens: Int(numbers.billableCompletionTokens), estimated: final.flags.contains(.estimated),
            attempts: Int(numbers.attempts), batchDeadline: final.batchDeadline,
            continued: final.flags.contains(.continued) ? true : nil,
            priceVersion: final.priceVersion == 0 ? nil : final.priceVersion, retrieval: final.retrieval,
            leasedFor: final.leasedFor, routing: final.routing.map { Base64.encode($0) })
    }
}
