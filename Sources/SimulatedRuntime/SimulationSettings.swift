/// Which runtime's habits the simulation takes on: health answers, metric names, error shapes, overload and SIGTERM behaviour.
package enum Dialect: String, Sendable, CaseIterable {
    case vllm
    case llamacpp
}

/// How a simulated runtime serves. Lengths of text are counted in its own tokens: one token for each four bytes of prompt, one for each word of answer.
package struct SimulationSettings: Sendable {
    package var dialect: Dialect
    /// The name under which the model is served.
    package var model: String
    /// Requests that are generated at the same time.
    package var slots = 4
    /// Size of the KV cache in tokens. `llamacpp` divides it among the slots; `vllm` shares it, and one request may use all of it.
    package var kvTokens = 32_768
    /// `vllm` only: most requests waiting and running; one more is answered 503. Nil: no bound.
    package var queueCap: Int?
    package var firstToken: Duration = .milliseconds(50)
    package var tokenGap: Duration = .milliseconds(10)
    /// How long the model takes to load. `vllm` keeps its port closed meanwhile, `llamacpp` answers 503.
    package var loading: Duration = .zero
    /// `vllm` only: how long SIGTERM lets running requests finish. Zero: they are cut at once.
    package var shutdownTimeout: Duration = .zero
    /// Changes every answer; two simulations with the same seed give the same text for the same prompt.
    package var seed: UInt64 = 1

    package init(dialect: Dialect, model: String) {
        self.dialect = dialect
        self.model = model
    }

    /// Longest prompt and answer together, in tokens.
    var contextTokens: Int {
        dialect == .llamacpp ? max(1, kvTokens / max(1, slots)) : kvTokens
    }
}

/// Where a simulated runtime listens.
package enum ListenAddress: Sendable, Equatable {
    /// On 127.0.0.1; port 0 takes a free one.
    case loopback(port: Int)
    case unixSocket(path: String)
}
