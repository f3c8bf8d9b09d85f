package import Cryptography
import FoundationEssentials
import NIOCore
import Synchronization

/// Who may be at the other end: one role of one trust domain, without those on the deny list. Denying cuts live links at once.
package final class LinkAdmission: Sendable {
    private struct State {
        var denied: Set<String> = []
        var live: [ObjectIdentifier: (identity: String, channel: any Channel)] = [:]
    }

    package let role: PeerIdentity.Role
    package let trustDomain: String
    private let state = Mutex(State())

    package init(role: PeerIdentity.Role, trustDomain: String = PeerIdentity.defaultTrustDomain) {
        self.role = role
        self.trustDomain = trustDomain
    }

    /// Replaces the deny list (identities as `spiffe://…`); links of those that are on it now are closed.
    package func deny(_ identities: Set<String>) {
        let cut = state.withLock { state in
            state.denied = identities
            return state.live.values.filter { identities.contains($0.identity) }.map(\.channel)
        }
        for channel in cut {
            channel.pipeline.fireUserInboundEventTriggered(LinkOrder.cut(LinkError(.peerDenied, "the identity is on the deny list")))
        }
    }

    package func isDenied(_ identity: String) -> Bool {
        state.withLock { $0.denied.contains(identity) }
    }

    /// Why this certificate may not link; nil when it may. `expectedId`: whom we dialled.
    func refusal(of certificate: Certificate, expectedId: String?) -> LinkError? {
        guard let identity = certificate.identity else {
            return LinkError(.peerRefused, "the certificate carries no identity")
        }
        guard identity.trustDomain == trustDomain else {
            return LinkError(.peerRefused, "\(identity) is of another trust domain than \(trustDomain)")
        }
        guard identity.role == role else {
            return LinkError(.peerRefused, "\(identity) is not \(role.rawValue)")
        }
        if let expectedId, identity.idText != expectedId {
            return LinkError(.peerRefused, "\(identity) answered where \(expectedId) was dialled")
        }
        guard !isDenied(identity.description) else {
            return LinkError(.peerDenied, "\(identity) is on the deny list")
        }
        return nil
    }

    /// From here on `deny` finds the link. False: it was denied meanwhile.
    func enter(_ identity: PeerIdentity, _ channel: any Channel) -> Bool {
        let text = identity.description
        return state.withLock { state in
            guard !state.denied.contains(text) else { return false }
            state.live[ObjectIdentifier(channel)] = (text, channel)
            return true
        }
    }

    func leave(_ channel: any Channel) {
        state.withLock { _ = $0.live.removeValue(forKey: ObjectIdentifier(channel)) }
    }
}

/// What is asked of an open link from outside its loop; travels as a user event down its pipeline.
enum LinkOrder: Sendable {
    /// Close now, failing what runs.
    case cut(LinkError)
    /// Say GOAWAY, let what runs finish, close; at the end of this time close under what still runs. A shorter order wins over a longer one.
    case drain(within: TimeAmount)
}

extension PeerIdentity {
    /// The id as it is written in tables and configuration.
    var idText: String { id.uuidString.lowercased() }
}
