package import PlimsollWire
package import Telemetry

/// Everything an agent must be told.
package struct AgentConfiguration: Sendable {
    /// Where gateways dial this agent, for direct links.
    package struct Direct: Sendable {
        package var listenHost: String
        package var listenPort: Int
        /// `host:port` as gateways reach it; it differs from the port that is listened on behind a port mapping.
        package var advertised: String

        package init(listenHost: String, listenPort: Int, advertised: String) {
            self.listenHost = listenHost
            self.listenPort = listenPort
            self.advertised = advertised
        }
    }

    /// `https://host:port` of the control plane's API for agents.
    package var controlURL: String
    /// Needed once, at the first start.
    package var joinToken: Redacted<String>?
    package var stateDirectory: String
    /// Nil: the agent dials out to its gateways.
    package var direct: Direct?
    package var runtimes: [RuntimeConfiguration]
    /// At the end of the program: how long open requests may take.
    package var drainLimit: Duration
    /// Leave the runtimes running at the end, for the next agent to adopt.
    package var keepsRuntimes: Bool
    /// Path of the accelerators' management library; nil: the system's.
    package var acceleratorLibrary: String?
    /// Takes out of a runtime's log what must not leave the host: secrets and data of persons.
    package var redact: @Sendable (String) -> String

    package init(
        controlURL: String, joinToken: Redacted<String>? = nil, stateDirectory: String, direct: Direct? = nil, runtimes: [RuntimeConfiguration],
        drainLimit: Duration = .seconds(60), keepsRuntimes: Bool = false, acceleratorLibrary: String? = nil,
        redact: @escaping @Sendable (String) -> String = { $0 }
    ) {
        self.redact = redact
        self.controlURL = controlURL
        self.joinToken = joinToken
        self.stateDirectory = stateDirectory
        self.direct = direct
        self.runtimes = runtimes
        self.drainLimit = drainLimit
        self.keepsRuntimes = keepsRuntimes
        self.acceleratorLibrary = acceleratorLibrary
    }

    package var linkClass: LinkClass { direct == nil ? .tunnel : .direct }
}
