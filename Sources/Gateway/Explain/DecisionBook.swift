package import PlimsollWire
import Synchronization

/// The last refusals of a gateway that has no control plane to send them to. Safe from any thread.
package final class DecisionBook: Sendable {
    private struct State {
        var byRequest: [String: RequestDecision] = [:]
        var order: [String] = []
    }

    private static let most = 2_000
    private let state = Mutex(State())

    package init() {}

    package func store(_ batch: DecisionBatch) {
        state.withLock { state in
            for decision in batch.decisions where state.byRequest.updateValue(decision, forKey: decision.requestId) == nil {
                state.order.append(decision.requestId)
            }
            guard state.order.count > Self.most else { return }
            let old = state.order.prefix(state.order.count - Self.most * 3 / 4)
            for id in old { state.byRequest[id] = nil }
            state.order.removeFirst(old.count)
        }
    }

    /// JSON of one request's decision; nil when it is not known.
    package func json(_ request: String) -> String? {
        guard let decision = state.withLock({ $0.byRequest[request] }), let bytes = try? WireCoder.encode(decision) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
