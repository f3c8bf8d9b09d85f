import Outbound
import Testing

@Suite(.timeLimit(.minutes(1)))
struct OutboundTLSTests {
    let client = OutboundClient()
    let authority: TestAuthority

    init() throws {
        authority = try TestAuthority()
    }

    private func request(_ port: Int, host: String = "localhost", trust: OutboundTrust, identity: OutboundIdentity? = nil) -> OutboundRequest {
        OutboundRequest(url: "https://\(host):\(port)/", trust: trust, identity: identity)
    }

    private func request(socket: String) -> OutboundRequest {
        OutboundRequest(url: "https://localhost/", trust: .authorities(pem: authority.authorityPem), unixSocketPath: socket)
    }

    @Test func aServerOfOurAuthorityIsBelieved() async throws {
        let (process, port) = try await authority.server(demandsCertificate: false)
        let trusting = request(port, trust: .authorities(pem: authority.authorityPem))
        let answer = try await whenUp { try await client.send(trusting) }
        #expect(answer.status == 200)
        #expect(answer.timings.tls > .zero)
        withExtendedLifetime(process) {}
    }

    @Test func aServerOfAnotherAuthorityIsRefusedUnlessUnverified() async throws {
        let (process, port) = try await authority.server(demandsCertificate: false)
        let other = try TestAuthority()
        let refused = await failure {
            try await whenUp { try await client.send(request(port, trust: .authorities(pem: other.authorityPem))) }
        }
        #expect(refused == .certificateRefused)
        #expect(await failure { try await client.send(request(port, trust: .system)) } == .certificateRefused)
        #expect(try await client.send(request(port, trust: .unverified)).status == 200)
        withExtendedLifetime(process) {}
    }

    @Test func aCertificateForAnotherAddressIsRefused() async throws {
        let (process, port) = try await authority.server(demandsCertificate: false)
        let wrong = request(port, host: "127.0.0.2", trust: .authorities(pem: authority.authorityPem))
        #expect(await failure { try await whenUp { try await client.send(wrong) } } == .certificateRefused)
        withExtendedLifetime(process) {}
    }

    @Test func ourCertificateIsAccepted() async throws {
        let (process, port) = try await authority.server(demandsCertificate: true)
        let mutual = request(port, trust: .authorities(pem: authority.authorityPem), identity: authority.client)
        #expect(try await whenUp { try await client.send(mutual) }.status == 200)
        withExtendedLifetime(process) {}
    }

    @Test func aMissingCertificateIsRefused() async throws {
        let (process, port) = try await authority.server(demandsCertificate: true)
        let anonymous = request(port, trust: .authorities(pem: authority.authorityPem))
        let code = await failure { try await whenUp { try await client.send(anonymous) } }
        #expect(code == .certificateRefused || code == .connectionLost)
        withExtendedLifetime(process) {}
    }

    @Test func aCertificateOfAnotherAuthorityIsRefused() async throws {
        let (process, port) = try await authority.server(demandsCertificate: true)
        let other = try TestAuthority()
        let stranger = request(port, trust: .authorities(pem: authority.authorityPem), identity: other.client)
        let code = await failure { try await whenUp { try await client.send(stranger) } }
        #expect(code == .certificateRefused || code == .connectionLost)
        withExtendedLifetime(process) {}
    }

    @Test func aBrokenIdentityIsToldBeforeSending() async throws {
        let (process, port) = try await authority.server(demandsCertificate: false)
        let broken = request(port, trust: .unverified, identity: OutboundIdentity(certificateChainPem: "x", privateKeyPem: "y"))
        #expect(await failure { try await whenUp { try await client.send(broken) } } == .invalidRequest)
        withExtendedLifetime(process) {}
    }

    @Test func http2IsSpokenAndOneConnectionCarriesManyCalls() async throws {
        let (process, socket) = try authority.http2Server()
        let trusting = request(socket: socket)
        let first = try await whenUp { try await client.send(trusting) }
        #expect(first.head.version == "2")
        let bodies = try await withThrowingTaskGroup(of: [UInt8].self) { group in
            for _ in 0..<20 { group.addTask { try await client.send(trusting).body } }
            return try await group.reduce(into: [[UInt8]]()) { $0.append($1) }
        }
        #expect(Set(bodies) == [first.body])
        #expect(String(decoding: first.body, as: UTF8.self).hasPrefix("HTTP/2.0"))
        withExtendedLifetime(process) {}
    }

    @Test func http1CanBeDemanded() async throws {
        let (process, socket) = try authority.http2Server()
        var plain = request(socket: socket)
        plain.version = .http1
        #expect(try await whenUp { try await client.send(plain) }.head.version == "1.1")
        withExtendedLifetime(process) {}
    }
}
