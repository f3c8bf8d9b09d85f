import NIOCore
package import PlimsollWire
import Synchronization
package import Telemetry

/// What a capture is to hold, as it passed by: on its way from a request's loop to the shipper, in memory only.
struct CapturedExchange: Sendable {
    var captures: [String]
    var requestId: String
    var key: String
    /// Nil: refused before it was known.
    var model: String?
    var acceptedAt: Int64
    var status: Int
    var request: ByteBuffer
    var answer: ByteBuffer
    var isEventStream: Bool
    var isCut: Bool
    /// Of which not all may be kept.
    var requestBytes = 0
    var answerBytes = 0
}

/// Where loops put what is to be kept, and where customers' calls about captures go out. Used by requests of captures alone.
package final class CaptureDesk: Sendable {
    package typealias Ask = @Sendable (CaptureCall) async throws -> CaptureAnswer

    /// Bytes of a request and of an answer that are kept.
    static let mostBytes = 128 << 10
    /// Bytes that are looked through: half a secret, where the text is cut, is not known for one.
    static let scannedBytes = mostBytes + (16 << 10)
    private static let mostWaiting = 256
    private static let mostCalls = 16

    private struct State {
        var waiting: [CapturedExchange] = []
        /// Requests by capture, on this gateway.
        var counts: [String: Int] = [:]
        var calls = 0
    }

    private let ask: Ask
    private let state = Mutex(State())
    private let dropped: CounterMetric

    /// - Parameter ask: Passes a call on to the control plane.
    package init(metrics: MetricRegistry, ask: @escaping Ask) {
        self.ask = ask
        dropped = metrics.counter("plimsoll_gateway_captures_dropped_total", "Requests that a debug capture wanted and that were not kept.")
    }

    /// Those of the entries that still have room; each is counted.
    func take(_ entries: [CaptureEntry]) -> [String] {
        state.withLock { state in
            if state.counts.count > 10_000 { state.counts.removeAll() }
            return entries.filter { entry in
                guard state.counts[entry.id, default: 0] < entry.limit else { return false }
                state.counts[entry.id, default: 0] += 1
                return true
            }.map(\.id)
        }
    }

    func put(_ exchange: CapturedExchange) {
        let isKept = state.withLock { state in
            guard state.waiting.count < Self.mostWaiting else { return false }
            state.waiting.append(exchange)
            return true
        }
        if !isKept { dropped.increment() }
    }

    func takeWaiting() -> [CapturedExchange] {
        state.withLock { state in
            defer { state.waiting.removeAll() }
            return state.waiting
        }
    }

    /// What was taken and is not sent after all waits again, before what came meanwhile.
    func takeBack(_ exchanges: ArraySlice<CapturedExchange>) {
        state.withLock { $0.waiting.insert(contentsOf: exchanges, at: 0) }
    }

    func drop(_ count: Int) {
        dropped.increment(by: count)
    }

    /// Nil when there are too many calls already.
    func answer(_ call: CaptureCall) async throws -> CaptureAnswer? {
        let isFree = state.withLock { state in
            guard state.calls < Self.mostCalls else { return false }
            state.calls += 1
            return true
        }
        guard isFree else { return nil }
        defer { state.withLock { $0.calls -= 1 } }
        return try await ask(call)
    }
}
