import CPlatform
import Glibc
import ServiceLifecycle

/// The right to be the one agent of a state directory: two would share a journal and fight over one runtime. The kernel takes it back when the
/// program ends, however it ends. As the first service of an agent it is held until all others have ended.
package final class StateLock: Service {
    private let descriptor: Int32

    package init(_ state: StateDirectory) throws(AgentError) {
        let descriptor = cplatform_open(state.lock, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw AgentError(.state, "\(state.lock) cannot be opened: \(String(cString: strerror(errno)))") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let isTaken = errno == EWOULDBLOCK
            let reason = String(cString: strerror(errno))
            let words = isTaken ? "another agent uses the state directory \(state.path)" : "\(state.lock) cannot be locked: \(reason)"
            close(descriptor)
            throw AgentError(.state, words)
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    package func run() async throws { try await gracefulShutdown() }
}
