import CReactor
import Glibc
package import NIOCore

/// A connection that is being made.
package final class ConnectingSocket: PolledDescriptor {
    private var done: ((StreamSocket?) -> Void)?
    private var limit: Scheduled<Void>?

    /// Connects to the first of `addresses` that takes it. `done` gets the connection, or nil when none was made within the time for each; it may be
    /// called before this returns.
    ///
    /// - Parameter receiveBuffer: Bytes that the system may hold of what the other side sends; it doubles them.
    package static func connect(
        to addresses: ArraySlice<SocketAddress>, receiveBuffer: Int, within time: TimeAmount, reactor: Reactor,
        done: @escaping (StreamSocket?) -> Void
    ) {
        guard let address = addresses.first else { return done(nil) }
        connect(to: address, receiveBuffer: receiveBuffer, within: time, reactor: reactor) { socket in
            if let socket { return done(socket) }
            connect(to: addresses.dropFirst(), receiveBuffer: receiveBuffer, within: time, reactor: reactor, done: done)
        }
    }

    private static func connect(
        to address: SocketAddress, receiveBuffer: Int, within time: TimeAmount, reactor: Reactor, done: @escaping (StreamSocket?) -> Void
    ) {
        let descriptor = socket(address.protocol.rawValue, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return done(nil) }
        // Before the connect, or the peer has been promised more already.
        set(descriptor, SOL_SOCKET, SO_RCVBUF, Int32(clamping: receiveBuffer))
        if address.protocol != .unix { set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1) }
        let result = address.withSockAddr { Glibc.connect(descriptor, $0, socklen_t($1)) }
        if result == 0 { return done(StreamSocket(connected: descriptor, reactor: reactor)) }
        guard errno == EINPROGRESS else {
            Glibc.close(descriptor)
            return done(nil)
        }
        let connecting = ConnectingSocket(descriptor, reactor: reactor)
        connecting.await(time, done)
    }

    private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        // Where it is not taken, the connection works as well without.
        setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private func await(_ time: TimeAmount, _ done: @escaping (StreamSocket?) -> Void) {
        self.done = done
        guard want(.output) else { return finish(false) }
        limit = reactor.eventLoop.assumeIsolated().scheduleTask(in: time) { self.finish(false) }
    }

    override func ready(_ events: Readiness) {
        var (failure, size) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &size)
        finish(failure == 0)
    }

    private func finish(_ isConnected: Bool) {
        guard let done else { return }
        self.done = nil
        limit?.cancel()
        guard isConnected else {
            closeDescriptor()
            return done(nil)
        }
        done(StreamSocket(connected: take(), reactor: reactor))
    }
}
