/// One call to another server.
package struct OutboundRequest: Sendable {
    package var method: String
    /// `http://` or `https://`; anything else is refused.
    package var url: String
    package var headers: [OutboundHeader]
    package var body: OutboundBody
    package var deadlines: OutboundDeadlines
    package var trust: OutboundTrust
    package var identity: OutboundIdentity?
    /// Path of a unix socket to connect to in place of the URL's host and port.
    package var unixSocketPath: String?
    package var version: OutboundVersion
    package var reach: OutboundReach
    /// An answer with a longer body fails with `responseTooLarge`. Bytes. Streamed answers have no bound.
    package var responseLimit: Int

    package init(
        method: String = "GET", url: String, headers: [OutboundHeader] = [], body: OutboundBody = .none,
        deadlines: OutboundDeadlines = OutboundDeadlines(), trust: OutboundTrust = .system, identity: OutboundIdentity? = nil,
        unixSocketPath: String? = nil, version: OutboundVersion = .negotiated, reach: OutboundReach = .anywhere,
        responseLimit: Int = 16 << 20
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.deadlines = deadlines
        self.trust = trust
        self.identity = identity
        self.unixSocketPath = unixSocketPath
        self.version = version
        self.reach = reach
        self.responseLimit = responseLimit
    }
}

/// One header line.
package struct OutboundHeader: Sendable, Equatable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// What is sent after the request's head.
package enum OutboundBody: Sendable {
    case none
    case bytes([UInt8])
    /// Pieces in order, asked for one at a time as the network takes them. `length` in bytes; nil sends chunks.
    case stream(length: Int?, any AsyncSequence<[UInt8], any Error> & Sendable)
}

/// How long a call may take. Each is counted from its own start; nil means no bound.
package struct OutboundDeadlines: Sendable, Equatable {
    /// Name look-up, connection and TLS together.
    package var connect: Duration
    /// From start to the last byte of the answer.
    package var total: Duration?
    /// Longest time without a byte in either direction, whole seconds.
    package var stall: Duration?

    package init(connect: Duration = .seconds(5), total: Duration? = .seconds(30), stall: Duration? = nil) {
        self.connect = connect
        self.total = total
        self.stall = stall
    }
}

/// Whose certificates are believed.
package enum OutboundTrust: Sendable, Equatable {
    /// The system's authorities.
    case system
    /// Only these, concatenated PEM.
    case authorities(pem: String)
    /// Nobody is verified. Only for fetching an authority whose hash is known beforehand; nothing secret may be sent.
    case unverified
}

/// The caller's own certificate for mutual TLS.
package struct OutboundIdentity: Sendable, Equatable {
    /// Leaf first, then intermediates, PEM.
    package var certificateChainPem: String
    package var privateKeyPem: String

    package init(certificateChainPem: String, privateKeyPem: String) {
        self.certificateChainPem = certificateChainPem
        self.privateKeyPem = privateKeyPem
    }
}

/// Which versions of HTTP may be spoken.
package enum OutboundVersion: Sendable {
    /// HTTP/2 where TLS negotiates it, else HTTP/1.1.
    case negotiated
    /// HTTP/1.1 only.
    case http1
}

/// Which addresses may be connected to, whatever names say.
package enum OutboundReach: Sendable {
    case anywhere
    /// Only such as everybody on the Internet can reach: for addresses that people write who may not look into this machine's networks. Others fail
    /// with `connectFailed`. Each call has a connection of its own.
    case publicAddresses
}
