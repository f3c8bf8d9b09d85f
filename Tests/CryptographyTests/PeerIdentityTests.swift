import Cryptography
import FoundationEssentials
import Testing

@Suite struct PeerIdentityTests {
    @Test func readsWhatItWrites() throws {
        let id = UUID()
        let identity = PeerIdentity(role: .agent, id: id)
        #expect(identity.description == "spiffe://plimsoll.internal/agent/\(id.uuidString.lowercased())")
        #expect(PeerIdentity(identity.description) == identity)
    }

    @Test(arguments: [
        "", "spiffe://", "http://plimsoll.internal/agent/123e4567-e89b-12d3-a456-426614174000",
        "spiffe://plimsoll.internal/agent/123E4567-E89B-12D3-A456-426614174000",
        "spiffe://plimsoll.internal/root/123e4567-e89b-12d3-a456-426614174000",
        "spiffe://plimsoll.internal/agent/123e4567-e89b-12d3-a456-426614174000/x", "spiffe://plimsoll.internal/agent/7",
        "spiffe://Plimsoll/agent/123e4567-e89b-12d3-a456-426614174000", "spiffe:///agent/123e4567-e89b-12d3-a456-426614174000",
        "spiffe://a,DNS:b/agent/123e4567-e89b-12d3-a456-426614174000",
    ])
    func refusesAnythingElse(text: String) {
        #expect(PeerIdentity(text) == nil)
    }
}
