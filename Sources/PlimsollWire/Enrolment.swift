package import FoundationEssentials

/// What a program may act as. It is written into the certificate and into the one-use token.
package enum PeerRole: String, Sendable, Codable, CaseIterable {
    case agent
    case gateway
    case control
}

/// First request of a host or gateway that has a one-use token and has made its key.
package struct EnrolmentRequest: Sendable, Codable {
    /// `jt1.<id>.<secret>.<pin>`: see `JoinToken`.
    package var token: String
    /// PKCS#10 in PEM. Names in it are ignored; the answer's certificate carries the identity that the control plane chose.
    package var certificateRequestPem: String
    package var hostname: String
    package var version: String
    /// The kernel's boot id; a second machine with the same key has another one.
    package var bootId: String
    /// `host:port` where agents reach this gateway; nil for agents.
    package var advertise: String?
    /// For agents: `tunnel` (default) or `direct`.
    package var link: LinkClass?
    /// For direct agents: `host:port` where gateways reach this agent.
    package var linkAddress: String?

    package init(
        token: String, certificateRequestPem: String, hostname: String, version: String, bootId: String, advertise: String? = nil,
        link: LinkClass? = nil, linkAddress: String? = nil
    ) {
        self.token = token
        self.certificateRequestPem = certificateRequestPem
        self.hostname = hostname
        self.version = version
        self.bootId = bootId
        self.advertise = advertise
        self.link = link
        self.linkAddress = linkAddress
    }
}

/// How gateway and host come together. Above all of them runs the same protocol.
package enum LinkClass: String, Sendable, Codable {
    case tunnel
    case direct
}

package struct EnrolmentResponse: Sendable, Codable {
    package var credentials: Credentials
    /// Region that the token was made for.
    package var region: String
    /// Gateways only: base64 of the Ed25519 public key that signs routing tables.
    package var tableKeyBase64: String?

    package init(credentials: Credentials, region: String, tableKeyBase64: String? = nil) {
        self.credentials = credentials
        self.region = region
        self.tableKeyBase64 = tableKeyBase64
    }
}

package struct RenewalRequest: Sendable, Codable {
    package var certificateRequestPem: String
    /// The counter from the last `Credentials`. A counter that was used before means that the machine was copied: both copies are locked.
    package var joinState: Int
    package var bootId: String
    package var advertise: String?

    package init(certificateRequestPem: String, joinState: Int, bootId: String, advertise: String? = nil) {
        self.certificateRequestPem = certificateRequestPem
        self.joinState = joinState
        self.bootId = bootId
        self.advertise = advertise
    }
}

package struct Credentials: Sendable, Codable {
    /// Id of the host or gateway (UUID, lower case).
    package var id: String
    /// `spiffe://<trust domain>/<role>/<id>`.
    package var identity: String
    /// Leaf first, then intermediates, PEM.
    package var certificateChainPem: String
    /// All authorities to trust now (roots, PEM, concatenated).
    package var authoritiesPem: String
    package var notAfter: Date
    /// Seconds from now until the holder should renew, jitter already added by the control plane.
    package var renewAfterSeconds: Int
    package var joinState: Int

    package init(
        id: String, identity: String, certificateChainPem: String, authoritiesPem: String, notAfter: Date, renewAfterSeconds: Int, joinState: Int
    ) {
        self.id = id
        self.identity = identity
        self.certificateChainPem = certificateChainPem
        self.authoritiesPem = authoritiesPem
        self.notAfter = notAfter
        self.renewAfterSeconds = renewAfterSeconds
        self.joinState = joinState
    }
}
