import CReactor
package import Glibc
package import NIOCore

/// A socket that accepts connections.
package final class ListeningSocket: PolledDescriptor {
    /// Accepted in a row, so that others have their turn.
    private static let acceptsAtOnce = 64
    private static let backlog: Int32 = 4096

    package let port: Int
    /// Fulfilled when it is closed.
    package let closeFuture: EventLoopFuture<Void>
    /// Owns the descriptor, which does not block, from then on. The address is that of the other side; nil: it has none.
    package var accepted: ((Int32, UnsafePointer<sockaddr>?) -> Void)?
    /// The error number of an accept that failed for want of something.
    package var failed: ((Int32) -> Void)?
    private let closing: EventLoopPromise<Void>
    private var isPaused = false

    /// - Parameter isShared: Others of this process listen at the same port.
    package init(_ address: SocketAddress, isShared: Bool, reactor: Reactor) throws {
        let descriptor = try ListeningSocket.bind(address, isShared: isShared)
        port = ListeningSocket.port(descriptor)
        closing = reactor.eventLoop.makePromise()
        closeFuture = closing.futureResult
        super.init(descriptor, reactor: reactor)
        // What the system hands on to each connection that is accepted; a socket of another kind has no such option.
        _ = try? ListeningSocket.set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY)
        guard listen(descriptor, ListeningSocket.backlog) == 0, want(.input) else {
            defer { close() }
            throw IOError(errnoCode: errno, reason: "cannot listen at \(address)")
        }
    }

    /// Several sockets share a port among ourselves only: throws where somebody else has it.
    package static func checkIsFree(_ address: SocketAddress) throws {
        let descriptor = try bind(address, isShared: false)
        defer { Glibc.close(descriptor) }
        guard listen(descriptor, 1) == 0 else { throw IOError(errnoCode: errno, reason: "cannot listen at \(address)") }
    }

    private static func bind(_ address: SocketAddress, isShared: Bool) throws -> Int32 {
        let descriptor = socket(address.protocol.rawValue, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "cannot make a socket for \(address)") }
        do {
            try set(descriptor, SOL_SOCKET, SO_REUSEADDR)
            if isShared { try set(descriptor, SOL_SOCKET, SO_REUSEPORT) }
            guard address.withSockAddr({ Glibc.bind(descriptor, $0, socklen_t($1)) }) == 0 else {
                throw IOError(errnoCode: errno, reason: "cannot bind to \(address)")
            }
            return descriptor
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32) throws {
        var on: Int32 = 1
        guard setsockopt(descriptor, level, option, &on, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
            throw IOError(errnoCode: errno, reason: "cannot set option \(option)")
        }
    }

    private static func port(_ descriptor: Int32) -> Int {
        var (address, size) = (sockaddr_storage(), socklen_t(MemoryLayout<sockaddr_storage>.size))
        let result = withUnsafeMutableBytes(of: &address) { bytes in
            getsockname(descriptor, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), &size)
        }
        guard result == 0 else { return 0 }
        return withUnsafeBytes(of: address) { bytes in
            switch Int32(address.ss_family) {
            // Of both families the port stands at the same place, in network order.
            case AF_INET, AF_INET6: Int(UInt16(bigEndian: bytes.load(fromByteOffset: 2, as: UInt16.self)))
            default: 0
            }
        }
    }

    override func ready(_ events: Readiness) {
        for _ in 0..<ListeningSocket.acceptsAtOnce where isOpen && !isPaused {
            guard acceptOne() else { return }
        }
    }

    /// False: nobody waits, or nobody can be let in.
    private func acceptOne() -> Bool {
        var (address, size) = (sockaddr_storage(), UInt32(0))
        return withUnsafeMutableBytes(of: &address) { bytes in
            let peer = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
            let descriptor = creactor_accept(self.descriptor, peer, &size)
            guard descriptor < 0 else {
                accepted?(descriptor, size > 2 ? UnsafePointer(peer) : nil)
                return true
            }
            switch errno {
            case EAGAIN: return false
            case EMFILE, ENFILE, ENOBUFS, ENOMEM:
                failed?(errno)
                return false
            // A client that left before it was accepted is no reason to wait.
            default: return true
            }
        }
    }

    /// Off: what waits in the system meanwhile is neither lost nor refused.
    package func setAccepting(_ on: Bool) {
        guard isPaused == on, isOpen else { return }
        isPaused = !on
        want(on ? .input : [])
    }

    package func close() {
        guard isOpen else { return }
        closeDescriptor()
        (accepted, failed) = (nil, nil)
        closing.succeed()
    }
}
