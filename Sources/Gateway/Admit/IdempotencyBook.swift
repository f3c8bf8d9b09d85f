import Cryptography
import Domain
import NIOCore
import Synchronization

/// Idempotency keys of all tenants on this gateway: which request came with one, and whether it was answered. Answers are not kept.
///
/// Shared by all loops and locked, which only requests pay for that carry a key.
final class IdempotencyBook: Sendable {
    enum Verdict: Equatable {
        /// Nobody has the key: the request is executed, and ends with `end`.
        case free
        case running
        case answered(RequestId)
        /// It came with another path or body.
        case mismatch
    }

    struct Bounds {
        /// A key is remembered for this time after the answer.
        var time = TimeAmount.hours(1)
        var keysOfTenant = 10_000
        var keys = 100_000
    }

    private let state: Mutex<State>

    init(_ bounds: Bounds = Bounds()) {
        state = Mutex(State(bounds))
    }

    /// - Parameters:
    ///   - request: Of what the key stands for: path and body.
    ///   - id: Of the request that comes with the key now.
    func begin(_ key: IdempotencyKey, tenant: String, request: SHA256Digest, id: RequestId, now: NIODeadline) -> Verdict {
        state.withLock { $0.begin(key, tenant: tenant, request: request, id: id, now: now) }
    }

    /// The request with this id is over. One that was not answered leaves its key free.
    func end(_ key: IdempotencyKey, tenant: String, id: RequestId, answered: Bool, now: NIODeadline) {
        state.withLock { $0.end(key, tenant: tenant, id: id, answered: answered, now: now) }
    }

    var count: Int { state.withLock { $0.count } }

    private struct Entry {
        let request: SHA256Digest
        let id: RequestId
        /// Nil while it runs.
        var forgetAt: NIODeadline?
    }

    /// One tenant's keys. Those that were answered wait in the order in which they are forgotten; a key that was freed meanwhile, or used anew,
    /// is passed over there.
    private struct Keys {
        var entries: [IdempotencyKey: Entry] = [:]
        var answered = CircularBuffer<(key: IdempotencyKey, id: RequestId)>()
    }

    private struct State: Sendable {
        private let bounds: Bounds
        private var tenants: [String: Keys] = [:]
        private(set) var count = 0

        init(_ bounds: Bounds) {
            self.bounds = bounds
        }

        mutating func begin(_ key: IdempotencyKey, tenant: String, request: SHA256Digest, id: RequestId, now: NIODeadline) -> Verdict {
            forget(tenant) { $0.forgetAt.map { $0 <= now } ?? false }
            if let known = tenants[tenant]?.entries[key] {
                guard known.request == request else { return .mismatch }
                return known.forgetAt == nil ? .running : .answered(known.id)
            }
            makeRoom(for: tenant)
            tenants[tenant, default: Keys()].entries[key] = Entry(request: request, id: id, forgetAt: nil)
            count += 1
            return .free
        }

        mutating func end(_ key: IdempotencyKey, tenant: String, id: RequestId, answered: Bool, now: NIODeadline) {
            guard tenants[tenant]?.entries[key]?.id == id else { return }
            guard answered else { return remove(key, of: tenant) }
            tenants[tenant]?.entries[key]?.forgetAt = now + bounds.time
            tenants[tenant]?.answered.append((key, id))
        }

        private mutating func remove(_ key: IdempotencyKey, of tenant: String) {
            guard tenants[tenant]?.entries.removeValue(forKey: key) != nil else { return }
            count -= 1
            if tenants[tenant]?.entries.isEmpty == true { tenants[tenant] = nil }
        }

        /// Of those that were answered, the oldest first, as long as `isDue`.
        private mutating func forget(_ tenant: String, while isDue: (Entry) -> Bool) {
            while let first = tenants[tenant]?.answered.first {
                let entry = tenants[tenant]?.entries[first.key]
                if let entry, entry.id == first.id {
                    guard isDue(entry) else { return }
                    tenants[tenant]?.answered.removeFirst()
                    remove(first.key, of: tenant)
                } else {
                    tenants[tenant]?.answered.removeFirst()
                }
            }
        }

        /// What still runs is never forgotten: limits of concurrency bound it.
        private mutating func makeRoom(for tenant: String) {
            if tenants[tenant].map({ $0.entries.count >= bounds.keysOfTenant }) ?? false { forgetOne(tenant) }
            guard count >= bounds.keys, let largest = tenants.max(by: { $0.value.answered.count < $1.value.answered.count })?.key else { return }
            forgetOne(largest)
        }

        private mutating func forgetOne(_ tenant: String) {
            var isFirst = true
            forget(tenant) { _ in
                defer { isFirst = false }
                return isFirst
            }
        }
    }
}
