import Glibc

/// The executor of one connection: a thread of its own on which libpq may block without holding up anybody else.
///
/// Safe to share: `jobs` and `isStopped` are touched only while `mutex` is held. The thread keeps this object alive until `stop`, which the
/// connection calls when it goes away, after its last job.
final class ConnectionThread: SerialExecutor, @unchecked Sendable {
    private struct Work {
        let job: UnownedJob
        let executor: UnownedSerialExecutor
    }

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var jobs: [Work] = []
    private var isStopped = false

    init() throws(PostgresError) {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
        var thread = pthread_t()
        let box = Unmanaged.passRetained(self)
        let status = pthread_create(
            &thread, nil,
            { box in
                guard let box else { return nil }
                Unmanaged<ConnectionThread>.fromOpaque(box).takeRetainedValue().loop()
                return nil
            }, box.toOpaque())
        guard status == 0 else {
            box.release()
            throw PostgresError(.connectionFailed, "no thread for a connection could be started")
        }
        pthread_detach(thread)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let work = Work(job: UnownedJob(job), executor: asUnownedSerialExecutor())
        pthread_mutex_lock(mutex)
        jobs.append(work)
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    func stop() {
        pthread_mutex_lock(mutex)
        isStopped = true
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    private func loop() {
        while true {
            let batch = nextJobs()
            if batch.isEmpty { return }
            for work in batch {
                work.job.runSynchronously(on: work.executor)
            }
        }
    }

    /// Empty only after `stop`.
    private func nextJobs() -> [Work] {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while jobs.isEmpty, !isStopped {
            pthread_cond_wait(condition, mutex)
        }
        let batch = jobs
        jobs = []
        return batch
    }
}
