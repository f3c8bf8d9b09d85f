import CLibpq
import Glibc
import Synchronization

/// Asks a server to stop what a session is running.
///
/// libpq waits until the server has closed the connection on which it was asked, which a frozen server never does. So each request has a thread
/// of its own; when as many wait as may, further ones are not sent and the session's deadline is what ends the wait.
final class CancelRequest: Sendable {
    private static let limit = 32
    private static let running = Atomic<Int>(0)

    /// Made for being used apart from its session (libpq, "Canceling Queries in Progress"); only the thread of `start` does.
    private nonisolated(unsafe) let cancel: OpaquePointer
    private let ended = Atomic<Bool>(false)

    private init(_ cancel: OpaquePointer) {
        self.cancel = cancel
    }

    deinit {
        PQfreeCancel(cancel)
    }

    /// Nil when there is nothing to ask.
    static func send(for session: OpaquePointer) -> CancelRequest? {
        guard let request = PQgetCancel(session).map({ CancelRequest($0) }) else { return nil }
        request.start()
        return request
    }

    /// The server was asked, or will not be.
    var hasEnded: Bool { ended.load(ordering: .acquiring) }

    private func start() {
        guard Self.running.wrappingAdd(1, ordering: .relaxed).newValue <= Self.limit else { return end() }
        var thread = pthread_t()
        let box = Unmanaged.passRetained(self)
        let status = pthread_create(
            &thread, nil,
            { box in
                guard let box else { return nil }
                Unmanaged<CancelRequest>.fromOpaque(box).takeRetainedValue().run()
                return nil
            }, box.toOpaque())
        guard status == 0 else {
            box.release()
            return end()
        }
        pthread_detach(thread)
    }

    private func run() {
        var message = [CChar](repeating: 0, count: 256)
        _ = PQcancel(cancel, &message, Int32(message.count))
        end()
    }

    private func end() {
        Self.running.wrappingSubtract(1, ordering: .relaxed)
        ended.store(true, ordering: .releasing)
    }
}
