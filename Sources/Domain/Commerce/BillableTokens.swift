/// Tokens of one request that the tenant pays for (reference, section 2.7): what was delivered, nothing for failed and cut answers.
package struct BillableTokens: Sendable, Equatable {
    package var prompt: Int
    package var completion: Int

    package init(prompt: Int, completion: Int) {
        self.prompt = prompt
        self.completion = completion
    }

    /// Maintenance changes what counts against a promise, not what was delivered, so it is left out of account here.
    ///
    /// - Parameter evidence: `completionTokens` are those of the attempt that reached the client; the prompt counts once however often
    ///   the request was tried.
    package init(_ evidence: RequestEvidence) {
        var delivered = evidence
        delivered.inMaintenance = false
        switch Outcome(delivered) {
        case .good:
            self.init(prompt: evidence.promptTokens, completion: evidence.completionTokens)
        case .clientAbort where evidence.completionTokens > 0:
            self.init(prompt: evidence.promptTokens, completion: evidence.completionTokens)
        default:
            self.init(prompt: 0, completion: 0)
        }
    }
}
