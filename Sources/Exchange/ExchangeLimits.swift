package import NIOCore

/// Bounds of one pool of connections to a runtime.
package struct ExchangeLimits: Sendable {
    /// Open connections, idle ones included; a request above it fails with `overloaded`.
    package var connections = 2048
    package var idleConnections = 256
    package var idleTime: TimeAmount = .seconds(50)
    package var connectTime: TimeAmount = .seconds(2)
    /// A reused connection that closes so soon after a request was written, and before an answer, had been closed while it was idle.
    package var staleTime: TimeAmount = .milliseconds(20)
    package var headBytes = 32 * 1024
    package var fields = 100
    /// Bytes of one answer with framing, so that a runtime cannot send for ever.
    package var answerBytes = 256 * 1024 * 1024

    package init() {}
}
