import Cryptography
import PlimsollWire
import Testing

@testable import Agent

@Suite("Enrolment over real TLS", .timeLimit(.minutes(2)))
struct EnrolmentTests {
    private func join(_ server: ScriptedControlPlane, token: String?) async throws -> HostIdentity {
        try await server.serve { url in
            try await Enrolment(client: ControlPlaneClient(url: url), state: server.state)
                .identity(token: token, version: "1", link: .tunnel, linkAddress: nil)
        }
    }

    private func prepared() throws -> ScriptedControlPlane {
        let server = try ScriptedControlPlane()
        let key = try HostIdentity.keyForEnrolment(in: server.state)
        let answer = EnrolmentResponse(credentials: try server.credentials(for: key), region: "eu")
        try server.answer(AgentPath.enrol, String(decoding: try WireCoder.encode(answer), as: UTF8.self))
        return server
    }

    @Test("token, pin, key, certificate: joined once, remembered from then on, and the token is not needed again")
    func joins() async throws {
        let server = try prepared()
        let identity = try await join(server, token: server.token())
        #expect(identity.trustDomain == PeerIdentity.defaultTrustDomain)
        #expect(server.seen.contains("POST /agent/v1/enrol"))
        let again = try await Enrolment(client: ControlPlaneClient(url: "https://127.0.0.1:1"), state: server.state)
            .identity(token: "anything", version: "1", link: .tunnel, linkAddress: nil)
        #expect(again.credentials.id == identity.credentials.id)
    }

    @Test("a server that is not the pinned one gets neither token nor request")
    func refusesForgedAuthority() async throws {
        let server = try prepared()
        let other = try CertificateAuthority.makeRoot().certificate.spkiSHA256
        await #expect(throws: AgentError.self) { try await join(server, token: server.token(pin: other)) }
        #expect(server.seen == "GET /agent/v1/authority \n")
    }

    @Test("a used token is refused once, in the control plane's words")
    func reportsUsedToken() async throws {
        let server = try prepared()
        try server.answer(AgentPath.enrol, #"!403{"error":{"message":"this token was used already","code":"token_used"}}"#)
        let error = await #expect(throws: AgentError.self) { try await join(server, token: server.token()) }
        #expect(error?.code == .refused)
        #expect(error?.message == "this token was used already")
        #expect(server.seen.split(separator: "\n").count == 2)
    }

    @Test("a certificate for another role, or another key, is not taken over", arguments: [true, false])
    func refusesForeignCertificate(sameKey: Bool) async throws {
        let server = try prepared()
        let key = sameKey ? try HostIdentity.keyForEnrolment(in: server.state) : try PrivateKey()
        let wrong = EnrolmentResponse(credentials: try server.credentials(for: key, role: sameKey ? .gateway : .agent), region: "eu")
        try server.answer(AgentPath.enrol, String(decoding: try WireCoder.encode(wrong), as: UTF8.self))
        let error = await #expect(throws: AgentError.self) { try await join(server, token: server.token()) }
        #expect(error?.code == .untrusted)
        #expect(try HostIdentity.load(from: server.state) == nil)
    }

    @Test("calls with the certificate: heartbeat, renewal, and a desired state that did not change")
    func callsWithCertificate() async throws {
        let server = try prepared()
        let key = try HostIdentity.keyForEnrolment(in: server.state)
        let identity = try HostIdentity(key: key, fresh: try server.credentials(for: key))
        let renewed = try server.credentials(for: key, joinState: 2)
        try server.answer(AgentPath.renew, String(decoding: try WireCoder.encode(renewed), as: UTF8.self))
        try server.answer(AgentPath.desiredState, "!304")
        try await server.serve { url in
            let client = ControlPlaneClient(url: url)
            #expect(try await client.desiredState(after: 3, wait: 1, as: identity) == nil)
            let request = RenewalRequest(certificateRequestPem: try Enrolment.certificateRequest(key), joinState: 1, bootId: "b")
            #expect(try await client.renew(request, as: identity).joinState == 2)
        }
        #expect(server.seen.contains("GET /agent/v1/desired-state?generation=3&wait=1"))
    }
}
