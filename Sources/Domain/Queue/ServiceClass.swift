/// How urgent a request is. Raw values are what APIs and records carry.
package enum ServiceClass: String, Sendable, CaseIterable {
    /// Somebody waits for the first token.
    case interactive
    /// Behind every interactive request, with a time by which the whole answer is to be delivered.
    case batch
}
