import Domain
import OpenAIWire

/// How far a request has come on its way to a place at a worker.
struct Seat {
    /// Waits under this ticket.
    var ticket: QueueTicket?
    /// Bytes that it counts there.
    var queuedBytes = 0
    /// The place at the chosen worker is taken, and no attempt has it yet.
    var isTaken = false
    /// Of its prompt, tokens that the chosen worker is likely to hold already.
    var cachedTokens = 0
    /// The queue has refused it before its admission was on disk.
    var refusal: APIError?
    /// Microseconds of the monotonic clock.
    var waitsSince: Int64?
    /// Microseconds, all waits together.
    var waited: Int64 = 0
    /// What it was begun for, when it has waited.
    var expected: ServedTokens?
}
