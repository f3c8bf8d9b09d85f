package import NIOCore

/// Limits and times of a link. The defaults are for token streams: many small frames down, prompts of up to some megabytes up.
package struct LinkSettings: Sendable {
    /// Requests open at once on one connection.
    package var maximumStreams = 256
    /// What a gateway buffers of one answer before the agent must wait.
    package var answerWindow = 256 * 1024
    /// What an agent buffers of one prompt before the gateway must wait.
    package var promptWindow = 2 * 1024 * 1024
    /// Of all streams of a connection together, each way; a stalled stream pins only its own window of it.
    package var connectionWindow = 16 * 1024 * 1024
    /// Bytes written to one stream and not yet sent, above which it stops being writable.
    package var writeHighWatermark = 256 * 1024
    /// Resets, and stream errors, that a peer may cause in `rateWindow` before the connection is closed.
    package var maximumResets = 5_000
    package var rateWindow = TimeAmount.seconds(30)
    /// Reset streams that are remembered, so that their late frames are not errors.
    package var rememberedResets = 4_096
    /// Silence after which a PING is sent, with requests open and without.
    package var busyPing = TimeAmount.milliseconds(500)
    package var idlePing = TimeAmount.seconds(5)
    /// Silence after which the link is dead, with requests open and without.
    package var busyDead = TimeAmount.seconds(2)
    package var idleDead = TimeAmount.seconds(12)
    /// From the start of the connect, or from the accept, to the peer's first HTTP/2 frame.
    package var openDeadline = TimeAmount.seconds(5)
    /// Connections that a dialling side keeps to each peer.
    package var connectionsPerPeer = 2
    /// Bounds of the first wait before a link is dialled again and of any later one; see `Backoff`.
    package var reconnectMinimum = TimeAmount.milliseconds(500)
    package var reconnectMaximum = TimeAmount.seconds(10)
    /// How long running requests may take after GOAWAY before the connection is closed under them.
    package var drainDeadline = TimeAmount.seconds(30)
    /// The same at the end of the program, where whoever serves requests has waited for them already: what is left is to say goodbye.
    package var endDeadline = TimeAmount.seconds(2)
    /// Stream ids end at 2^31-1; at this one a gateway drains the connection, and another takes over.
    var lastStreamId = 1 << 30
    /// Connections in handshake at a listener; more are closed at once.
    package var maximumPendingAccepts = 1_024

    package init() {}
}
