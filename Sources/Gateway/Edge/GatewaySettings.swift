package import Domain
import HTTPWire

/// How one gateway serves. Times in seconds unless they say otherwise.
package struct GatewaySettings: Sendable {
    package var host = "127.0.0.1"
    package var port = 7800
    package var loops = 1
    /// Microseconds for which a loop stays awake, at the most, for the first byte of an answer, while most come within that time; 0: never.
    package var busyPoll = 100
    /// Connections come from a proxy: their addresses say nothing of customers, unless `trust` names it.
    package var isBehindProxy = false
    /// Proxies that say for whom they ask.
    package var trust = ProxyTrust()
    /// They say it in front of each connection (PROXY protocol); connections of others are refused.
    package var usesProxyProtocol = false
    /// They say it in this field of each request; nil: in none.
    package var forwardedField: ForwardedField?
    /// For so long browsers are told to come by TLS only (RFC 6797); 0: they are told nothing.
    package var strictTransportSeconds = 0
    package var region = "default"
    package var gatewayId = "00000000-0000-0000-0000-000000000000"
    package var connections = 20_000
    /// From one address, and of an IPv6 one from its network of 64 bits; 0: no bound; nil: the usual one.
    package var connectionsPerAddress: Int?
    /// Bytes that this process may have resident; 0: no bound.
    package var memoryLimit = 0
    /// Bytes of any one string in a request's body; all of it is bounded by the tier.
    package var jsonStringBytes = JSONLimits().stringBytes
    /// Runtimes may be asked to fetch pictures and sounds from the web: whoever serves the link then learns the address of the host.
    package var followsLinks = false
    /// Of the answers under a fallback that are scored, per cent.
    package var fallbackScorePercent = 5
    /// A request's head must be there after this time.
    package var headTime = 10
    package var idleTime = 60
    /// Connections that have been idle for so long go before that where all are taken and others wait.
    package var leastIdleTime = 5
    /// Longest pause of a client in the middle of its body.
    package var bodyTime = 20
    /// Bytes a second of a body, once it has paused for as long as it may.
    package var bodyRate = 1024
    /// For the whole of a body, however steadily it drips.
    package var bodyTotalTime = 300
    /// To the first token of a stream, for each attempt.
    package var firstTokenTime = 60
    /// To the next token of a stream; and for a client to take something of what waits for it.
    package var interTokenTime = 30
    /// For a whole answer that is not streamed.
    package var answerTime = 600
    /// The head of a stream is sent after this time even without a token; comments follow as often.
    package var headHoldTime = 10
    /// How long a worker that fails is out of rotation the first time; each further time takes twice as long.
    package var ejectionTime = Duration.seconds(10)
    /// Requests wait so long for the first lease of a quota: a control plane answers in milliseconds, and a client that is told to come back loses more.
    package var leaseTime = 2
    /// Requests wait so long for a host that was lost, when no other worker can be reached.
    package var hostReturnTime = 2
    /// Bytes of an answer that is not streamed.
    package var answerBytes = 64 << 20

    package init() {}

    /// From one address where nothing else was said: a tenth of all, so that nobody alone takes every place. None where a proxy stands in front of which nothing
    /// is known: all have its address then.
    var usualConnectionsPerAddress: Int { isBehindProxy && trust.isEmpty ? 0 : max(256, connections / 10) }

    /// Of a request's body.
    var json: JSONLimits { JSONLimits(stringBytes: jsonStringBytes) }
}
