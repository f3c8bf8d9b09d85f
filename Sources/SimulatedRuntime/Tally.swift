/// Counts of requests and tokens since the start; never anything of their content.
struct Tally {
    /// Requests for an answer that came in, whatever became of them.
    var seen = 0
    /// Answered to the last byte.
    var finished = 0
    /// The client left, or the runtime stopped, before the last byte.
    var aborted = 0
    /// Turned away: overload, wrong body, unknown model.
    var refused = 0
    /// Met a fault that was ordered.
    var faulted = 0
    var promptTokens = 0
    var generatedTokens = 0
    var endedByLength = 0
    var decodeSteps = 0
}
