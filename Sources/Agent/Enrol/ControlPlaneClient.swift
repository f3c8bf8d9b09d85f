import Cryptography
import FoundationEssentials
package import Outbound
import PlimsollWire

/// Speaks the agent's API of the control plane. Answers are values or an `AgentError` that says whether asking again can help.
package struct ControlPlaneClient: Sendable {
    /// Longest answer that is read; a desired state of ten thousand gateways fits.
    private static let answerLimit = 8 << 20

    private let url: String
    private let http: OutboundClient

    /// - Parameter url: `https://host:port` of the control plane.
    package init(url: String, http: OutboundClient = OutboundClient()) {
        self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
        self.http = http
    }

    /// The root authority in PEM, from a server that nobody has verified yet.
    func authority() async throws(AgentError) -> String {
        let response = try await send(OutboundRequest(url: url + AgentPath.authority, trust: .unverified, responseLimit: 1 << 16))
        return String(decoding: response.body, as: UTF8.self)
    }

    func enrol(_ enrolment: EnrolmentRequest, authority: String) async throws(AgentError) -> EnrolmentResponse {
        var request = try post(AgentPath.enrol, enrolment)
        request.trust = .authorities(pem: authority)
        return try decode(EnrolmentResponse.self, await send(request))
    }

    func renew(_ renewal: RenewalRequest, as identity: HostIdentity) async throws(AgentError) -> Credentials {
        try decode(Credentials.self, await send(signed(try post(AgentPath.renew, renewal), identity)))
    }

    func heartbeat(_ heartbeat: Heartbeat, as identity: HostIdentity) async throws(AgentError) -> HeartbeatResponse {
        try decode(HeartbeatResponse.self, await send(signed(try post(AgentPath.heartbeat, heartbeat), identity)))
    }

    func report(_ results: OperationResults, as identity: HostIdentity) async throws(AgentError) {
        _ = try await send(signed(try post(AgentPath.operationResults, results), identity))
    }

    /// Waits up to `wait` seconds for a state newer than `generation`; nil when none came.
    func desiredState(after generation: Int64, wait: Int, as identity: HostIdentity) async throws(AgentError) -> DesiredState? {
        var request = OutboundRequest(url: "\(url)\(AgentPath.desiredState)?generation=\(generation)&wait=\(wait)")
        request.deadlines.total = .seconds(wait + 10)
        request.responseLimit = Self.answerLimit
        let response = try await send(signed(request, identity))
        return response.status == 304 ? nil : try decode(DesiredState.self, response)
    }

    private func post(_ path: String, _ value: some Encodable) throws(AgentError) -> OutboundRequest {
        do {
            let body = try WireCoder.encode(value)
            return OutboundRequest(
                method: "POST", url: url + path, headers: [OutboundHeader("content-type", "application/json")], body: .bytes(body),
                deadlines: OutboundDeadlines(connect: .seconds(5), total: .seconds(15)), responseLimit: Self.answerLimit)
        } catch {
            throw AgentError(.badAnswer, "a message cannot be encoded", cause: error)
        }
    }

    private func signed(_ request: OutboundRequest, _ identity: HostIdentity) -> OutboundRequest {
        var request = request
        request.trust = .authorities(pem: identity.credentials.authoritiesPem)
        request.identity = OutboundIdentity(certificateChainPem: identity.credentials.certificateChainPem, privateKeyPem: identity.key.pem)
        return request
    }

    private func decode<Value: Decodable>(_ type: Value.Type, _ response: OutboundResponse) throws(AgentError) -> Value {
        do {
            return try WireCoder.decode(type, from: response.body)
        } catch {
            throw AgentError(.badAnswer, "the control plane's answer cannot be understood; it may be of another version", cause: error)
        }
    }

    private func send(_ request: OutboundRequest) async throws(AgentError) -> OutboundResponse {
        let response: OutboundResponse
        do throws(OutboundError) {
            response = try await http.send(request)
        } catch {
            let refusedTrust = error.code == .certificateRefused
            let words = refusedTrust ? "the control plane's certificate is not trusted, or ours is not" : "the control plane cannot be reached"
            throw AgentError(refusedTrust ? .untrusted : .unreachable, "\(words): \(error.message)", cause: error)
        }
        switch response.status {
        case 200..<300, 304: return response
        case 408, 425, 429, 500...: throw AgentError(.unreachable, "the control plane cannot answer now: \(Self.reason(response))")
        default: throw AgentError(.refused, Self.reason(response))
        }
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
