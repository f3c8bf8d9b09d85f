/// Paths that agents call on the control plane (mutual TLS; the first two before they have a certificate).
package enum AgentPath {
    /// `GET`, no certificate: the root authority's PEM. The caller checks it against the pin in its token before it trusts it.
    package static let authority = "/agent/v1/authority"
    /// `POST EnrolmentRequest -> EnrolmentResponse`, no certificate.
    package static let enrol = "/agent/v1/enrol"
    /// `POST RenewalRequest -> Credentials`.
    package static let renew = "/agent/v1/renew"
    /// `POST Heartbeat -> HeartbeatResponse`.
    package static let heartbeat = "/agent/v1/heartbeat"
    /// `GET ?generation=G&wait=SECONDS -> DesiredState`; answers at once when the generation is newer than G, else waits; 304 when nothing changed.
    package static let desiredState = "/agent/v1/desired-state"
    /// `POST OperationResults`.
    package static let operationResults = "/agent/v1/operation-results"
}

/// Paths that gateways call on the control plane (mutual TLS; enrolment before they have a certificate).
package enum GatewayPath {
    package static let authority = "/gateway/v1/authority"
    package static let enrol = "/gateway/v1/enrol"
    package static let renew = "/gateway/v1/renew"
    /// `GET ?since=V&wait=SECONDS -> SignedTable`, header `ETag: "V"`; 304 when nothing newer came while waiting.
    package static let table = "/gateway/v1/table"
    /// `GET ?since=V&wait=SECONDS -> StatusPublication`, headers `ETag: "V"` and `x-plimsoll-status-age`; 304 when nothing newer came.
    package static let status = "/gateway/v1/status"
    /// `POST UsageBatch -> IntakeResponse`.
    package static let usage = "/gateway/v1/usage-records"
    /// `POST MinuteBatch -> IntakeResponse`.
    package static let minutes = "/gateway/v1/minutes"
    /// `POST AbuseReport -> IntakeResponse`.
    package static let abuse = "/gateway/v1/abuse-reports"
    /// `POST CaptureCall -> CaptureAnswer`.
    package static let captures = "/gateway/v1/captures"
    /// `POST CaptureBatch -> IntakeResponse`.
    package static let captureRecords = "/gateway/v1/capture-records"
    /// `POST DecisionBatch -> IntakeResponse`.
    package static let decisions = "/gateway/v1/decisions"
    /// `POST FleetReport -> IntakeResponse`.
    package static let fleet = "/gateway/v1/fleet"
    /// `POST ProbeBatch -> ProbeAnswer`.
    package static let probes = "/gateway/v1/probes"
    /// `POST AnswerScoreBatch -> IntakeResponse`.
    package static let answerScores = "/gateway/v1/answer-scores"
    /// `POST LeaseRequest -> LeaseAnswer`.
    package static let leases = "/gateway/v1/leases"
}

/// Paths that a gateway may ask of an agent over a link. Anything else is answered 404 by the agent and never reaches a runtime.
package enum LinkPath {
    package static let chatCompletions = "/v1/chat/completions"
    package static let completions = "/v1/completions"
    package static let embeddings = "/v1/embeddings"
    package static let countTokens = "/v1/messages/count_tokens"
    /// `GET`: an endless body of JSON lines, each a `LinkReport`; the agent sends one on change (at most every 250 ms) and every 2 s.
    package static let reports = "/link/v1/reports"

    /// `POST PlacesTold`, with `LinkHeader.worker`: answered 204, and told to the host's other gateways in its reports. Agents of the release before know
    /// nothing of it: 404.
    package static let places = "/link/v1/places"

    /// Paths relayed to a runtime, all `POST`.
    package static let relayed: Set<String> = [chatCompletions, completions, embeddings, countTokens]
}

/// Header names of the link, lower case as HTTP/2 wants them.
package enum LinkHeader {
    /// Which worker of the host is meant: its id.
    package static let worker = "plimsoll-worker"
    /// The request's id; the only thing a host learns about who asks.
    package static let requestId = "x-request-id"
    /// How long the agent may let the request wait for others, so that its runtime takes them into one batch: milliseconds, 1 to 25. Without it the
    /// request waits for nobody; agents of an older release know nothing of it.
    package static let batchWindow = "plimsoll-batch-window"
    /// On an agent's own refusals (no such worker, draining, runtime unreachable): a `RelayRefusal` raw value.
    package static let refusal = "plimsoll-refusal"
}

/// Why an agent answered in place of the runtime. All of them mean that the runtime never saw the request.
package enum RelayRefusal: String, Sendable, Codable {
    case unknownWorker = "unknown_worker"
    case draining
    case runtimeUnreachable = "runtime_unreachable"
    case pathNotAllowed = "path_not_allowed"
}
