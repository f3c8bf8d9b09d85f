import PlimsollWire
import Synchronization

/// Keeps the queues of models from one table to the next.
final class QueueBook: Sendable {
    private struct Name: Hashable {
        var model: String
        var lane: ContextClass
    }

    private let queues = Mutex<[Name: ModelQueue]>([:])

    func queue(_ model: String, _ lane: ContextClass) -> ModelQueue {
        queues.withLock { queues in
            let name = Name(model: model, lane: lane)
            if let known = queues[name] { return known }
            let made = ModelQueue()
            queues[name] = made
            return made
        }
    }

    func keep(only models: Set<String>) {
        queues.withLock { $0 = $0.filter { models.contains($0.key.model) } }
    }
}
