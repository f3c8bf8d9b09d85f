import Synchronization

/// Wakes report streams that look seldom because nothing runs on this host: every look of an idle agent brings code back into memory that its
/// host's model could use.
final class ReportBell: Sendable {
    /// How many sleep, so that a ring on the way of every request costs a glance.
    private let count = Atomic<Int>(0)
    private let sleepers = Mutex<[ObjectIdentifier: @Sendable () -> Void]>([:])

    var hasSleepers: Bool { count.load(ordering: .sequentiallyConsistent) > 0 }

    /// `wake` is called at the next ring, once.
    func sleep(_ sleeper: ObjectIdentifier, until wake: @escaping @Sendable () -> Void) {
        sleepers.withLock { sleepers in
            sleepers[sleeper] = wake
            count.store(sleepers.count, ordering: .sequentiallyConsistent)
        }
    }

    func leave(_ sleeper: ObjectIdentifier) {
        sleepers.withLock { sleepers in
            sleepers.removeValue(forKey: sleeper)
            count.store(sleepers.count, ordering: .sequentiallyConsistent)
        }
    }

    /// A report has something new to say.
    func ring() {
        guard hasSleepers else { return }
        let woken = sleepers.withLock { sleepers in
            defer { sleepers = [:] }
            count.store(0, ordering: .sequentiallyConsistent)
            return Array(sleepers.values)
        }
        for wake in woken { wake() }
    }
}
