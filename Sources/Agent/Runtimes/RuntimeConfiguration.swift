package import Exchange
package import PlimsollWire

/// One runtime of this host, as its owner describes it.
package struct RuntimeConfiguration: Sendable {
    package var name: String
    /// The release that it serves, as the control plane knows it.
    package var release: String
    package var dialect: RuntimeDialect
    package var address: RuntimeAddress
    /// Program and arguments; empty: somebody else starts the runtime, and the agent only uses it.
    package var command: [String]
    /// Added to the agent's own environment, less its `PLIMSOLL_` settings.
    package var environment: [String: String]
    /// Overrides what the runtime says about itself.
    package var model: String?
    package var slots: Int?
    package var contextTokens: Int?
    /// How long loading the model may take.
    package var startupDeadline: Duration
    /// Between SIGTERM and SIGKILL.
    package var stopGrace: Duration
    /// Silence with open requests, after which the runtime is asked for one token and restarted when it does not give it. At least 5 s.
    package var progressTimeout: Duration

    package init(
        name: String, release: String, dialect: RuntimeDialect, address: RuntimeAddress, command: [String] = [],
        environment: [String: String] = [:], model: String? = nil, slots: Int? = nil, contextTokens: Int? = nil,
        startupDeadline: Duration = .seconds(600), stopGrace: Duration = .seconds(20), progressTimeout: Duration = .seconds(15)
    ) {
        self.name = name
        self.release = release
        self.dialect = dialect
        self.address = address
        self.command = command
        self.environment = environment
        self.model = model
        self.slots = slots
        self.contextTokens = contextTokens
        self.startupDeadline = startupDeadline
        self.stopGrace = stopGrace
        self.progressTimeout = max(.seconds(5), progressTimeout)
    }
}
