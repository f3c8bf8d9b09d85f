import Cryptography
package import Outbound
package import PlimsollWire

/// Speaks the gateway's API of the control plane. Errors say whether asking again can help.
package struct ControlPlaneClient: Sendable {
    /// A whole table of some hundred thousand entries fits.
    private static let answerLimit = 256 << 20
    private static let statusLimit = 64 << 20

    private let url: String
    private let http: OutboundClient
    /// Of a drill; shared by all that ask.
    package let solitude = Solitude()

    /// - Parameter url: `https://host:port` of the control plane.
    package init(url: String, http: OutboundClient) {
        self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
        self.http = http
    }

    /// The root authority in PEM, from a server that nobody has verified yet. Nothing secret is sent.
    func authority() async throws(EnrolmentError) -> String {
        let response = try await send(OutboundRequest(url: url + GatewayPath.authority, trust: .unverified, responseLimit: 1 << 16))
        return String(decoding: response.body, as: UTF8.self)
    }

    func enrol(_ enrolment: EnrolmentRequest, authority: String) async throws(EnrolmentError) -> EnrolmentResponse {
        var request = try post(GatewayPath.enrol, enrolment)
        request.trust = .authorities(pem: authority)
        return try decode(EnrolmentResponse.self, await send(request))
    }

    func renew(_ renewal: RenewalRequest, as identity: GatewayIdentity) async throws(EnrolmentError) -> Credentials {
        try decode(Credentials.self, await send(signed(try post(GatewayPath.renew, renewal), identity)))
    }

    /// Waits up to `wait` seconds for a table newer than `since`; nil asks for the whole table.
    package func table(since: Int64?, wait: Int, as identity: GatewayIdentity) async throws(EnrolmentError) -> TableAnswer {
        let query = since.map { "?since=\($0)&wait=\(wait)" } ?? ""
        var request = OutboundRequest(url: url + GatewayPath.table + query, responseLimit: Self.answerLimit)
        if let since { request.headers.append(OutboundHeader("if-none-match", "\"\(since)\"")) }
        request.deadlines.total = .seconds(wait + 30)
        let response = try await send(signed(request, identity))
        return response.status == 304 ? .unchanged : .table(try decode(SignedTable.self, response))
    }

    /// Waits up to `wait` seconds for a status page of another version than `since`.
    package func status(since: Int64?, wait: Int, as identity: GatewayIdentity) async throws(EnrolmentError) -> StatusPuller.Answer {
        let query = since.map { "?since=\($0)&wait=\(wait)" } ?? ""
        var request = OutboundRequest(url: url + GatewayPath.status + query, responseLimit: Self.statusLimit)
        request.deadlines.total = .seconds(wait + 30)
        let response = try await send(signed(request, identity))
        let told = response.head.headers.first { $0.name.lowercased() == StatusHeader.age }
        let age = told.flatMap { Int64($0.value) } ?? 0
        if response.status == 304 { return .unchanged(ageSeconds: age) }
        return .page(try decode(StatusPublication.self, response), ageSeconds: age)
    }

    package func store(_ batch: UsageBatch, as identity: GatewayIdentity) async throws(EnrolmentError) -> IntakeResponse {
        try decode(IntakeResponse.self, await send(signed(try post(GatewayPath.usage, batch), identity)))
    }

    package func store(_ batch: MinuteBatch, as identity: GatewayIdentity) async throws(EnrolmentError) -> IntakeResponse {
        try decode(IntakeResponse.self, await send(signed(try post(GatewayPath.minutes, batch), identity)))
    }

    package func store(_ report: AbuseReport, as identity: GatewayIdentity) async throws(EnrolmentError) -> IntakeResponse {
        try decode(IntakeResponse.self, await send(signed(try post(GatewayPath.abuse, report), identity)))
    }

    package func store(_ batch: CaptureBatch, as identity: GatewayIdentity) async throws(EnrolmentError) -> IntakeResponse {
        try decode(IntakeResponse.self, await send(signed(try post(GatewayPath.captureRecords, batch), identity)))
    }

    package func ask(_ call: CaptureCall, as identity: GatewayIdentity) async throws(EnrolmentError) -> CaptureAnswer {
        try decode(CaptureAnswer.self, await send(signed(try post(GatewayPath.captures, call), identity)))
    }

    package func store(_ batch: DecisionBatch, as identity: GatewayIdentity) async throws(EnrolmentError) {
        _ = try decode(IntakeResponse.self, await send(signed(try post(GatewayPath.decisions, batch), identity)))
    }

    package func store(_ report: FleetReport, as identity: GatewayIdentity) async throws(EnrolmentError) {
        _ = try decode(IntakeResponse.self, await send(signed(try post(GatewayPath.fleet, report), identity)))
    }

    package func store(_ batch: ProbeBatch, as identity: GatewayIdentity) async throws(EnrolmentError) -> ProbeAnswer {
        try decode(ProbeAnswer.self, await send(signed(try post(GatewayPath.probes, batch), identity)))
    }

    package func store(_ batch: AnswerScoreBatch, as identity: GatewayIdentity) async throws(EnrolmentError) -> IntakeResponse {
        try decode(IntakeResponse.self, await send(signed(try post(GatewayPath.answerScores, batch), identity)))
    }

    package func exchange(_ request: LeaseRequest, as identity: GatewayIdentity) async throws(EnrolmentError) -> LeaseAnswer {
        var message = try post(GatewayPath.leases, request)
        // Requests may wait for it.
        message.deadlines = OutboundDeadlines(connect: .seconds(2), total: .seconds(4))
        return try decode(LeaseAnswer.self, await send(signed(message, identity)))
    }

    private func post(_ path: String, _ value: some Encodable) throws(EnrolmentError) -> OutboundRequest {
        do {
            return OutboundRequest(
                method: "POST", url: url + path, headers: [OutboundHeader("content-type", "application/json")],
                body: .bytes(try WireCoder.encode(value)), deadlines: OutboundDeadlines(connect: .seconds(5), total: .seconds(30)))
        } catch {
            throw EnrolmentError(.badAnswer, "a message cannot be encoded", cause: error)
        }
    }

    private func signed(_ request: OutboundRequest, _ identity: GatewayIdentity) -> OutboundRequest {
        var request = request
        request.trust = .authorities(pem: identity.credentials.authoritiesPem)
        request.identity = OutboundIdentity(certificateChainPem: identity.credentials.certificateChainPem, privateKeyPem: identity.key.pem)
        return request
    }

    private func decode<Value: Decodable>(_ type: Value.Type, _ response: OutboundResponse) throws(EnrolmentError) -> Value {
        do {
            return try WireCoder.decode(type, from: response.body)
        } catch {
            throw EnrolmentError(.badAnswer, "the control plane's answer cannot be understood; it may be of another version", cause: error)
        }
    }

    private func send(_ request: OutboundRequest) async throws(EnrolmentError) -> OutboundResponse {
        guard !solitude.isAlone else {
            // Nobody is spared by longer and longer pauses, and its end is known to the second.
            throw EnrolmentError(.unreachable, "a drill keeps the control plane away", retryAfter: .seconds(1))
        }
        let response: OutboundResponse
        do throws(OutboundError) {
            response = try await http.send(request)
        } catch {
            let isTrust = error.code == .certificateRefused
            let words = isTrust ? "the control plane's certificate is not trusted, or ours is not" : "the control plane cannot be reached"
            throw EnrolmentError(isTrust ? .untrusted : .unreachable, "\(words): \(error.message)", cause: error)
        }
        switch response.status {
        case 200..<300, 304: return response
        case 408, 425, 429, 500...:
            throw EnrolmentError(
                .unreachable, "the control plane cannot answer now: \(Self.reason(response))", retryAfter: Self.retryAfter(response))
        default: throw EnrolmentError(.refused, Self.reason(response))
        }
    }

    /// As its header says in seconds; nobody waits for longer than a minute.
    private static func retryAfter(_ response: OutboundResponse) -> Duration? {
        let told = response.head.headers.first { $0.name.lowercased() == "retry-after" }
        return told.flatMap { Int64($0.value) }.map { .seconds(min(max($0, 0), 60)) }
    }

    /// The control plane's own words, if it said any; they are for people and never hold what was sent.
    private static func reason(_ response: OutboundResponse) -> String {
        struct Body: Decodable {
            struct Fault: Decodable {
                var message: String
            }

            var error: Fault
        }
        guard let body = try? WireCoder.decode(Body.self, from: response.body) else { return "status \(response.status)" }
        return String(body.error.message.prefix(500))
    }
}
