import NIOCore
import Testing

@testable import Link

@Suite("Addresses of peers in logs")
struct PeerAddressTests {
    @Test("a peer is shown as its host and port", arguments: [("127.0.0.1", "127.0.0.1:49536"), ("::1", "[::1]:49536")])
    func shown(_ host: String, _ text: String) throws {
        #expect(try SocketAddress(ipAddress: host, port: 49536).hostAndPort == text)
    }

    @Test("a unix socket is shown as its path")
    func path() throws {
        #expect(try SocketAddress(unixDomainSocketPath: "/run/agent.sock").hostAndPort == "/run/agent.sock")
    }
}
