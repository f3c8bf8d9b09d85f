import NIOCore
import Synchronization

/// The requests whose streams are open, so that a drain's deadline can end them. Each is touched on its own loop only.
final class OpenRelays: Sendable {
    private struct Held {
        var next: UInt64 = 0
        var requests: [UInt64: (loop: any EventLoop, request: NIOLoopBound<RelayedRequest>)] = [:]
        /// Bytes of bodies that are held: received, and not yet answered.
        var collecting = 0
    }

    private let held = Mutex(Held())

    func add(_ request: RelayedRequest, loop: any EventLoop) -> UInt64 {
        let bound = NIOLoopBound(request, eventLoop: loop)
        return held.withLock { held in
            held.next += 1
            held.requests[held.next] = (loop, bound)
            return held.next
        }
    }

    func remove(_ id: UInt64) {
        held.withLock { _ = $0.requests.removeValue(forKey: id) }
    }

    /// False when the bound on all bodies together would be passed.
    func reserve(_ bytes: Int, limit: Int) -> Bool {
        held.withLock { held in
            guard held.collecting + bytes <= limit else { return false }
            held.collecting += bytes
            return true
        }
    }

    func release(_ bytes: Int) {
        held.withLock { $0.collecting -= bytes }
    }

    func cutAll() -> Int {
        let all = held.withLock { Array($0.requests.values) }
        for entry in all { entry.loop.execute { entry.request.value.cut() } }
        return all.count
    }
}
