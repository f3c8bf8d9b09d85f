import Glibc

/// A non-blocking TCP socket on 127.0.0.1. It is closed by hand: its owner knows when, and a descriptor is all there is to it.
struct Socket {
    enum Outcome {
        case bytes(Int)
        case later
        case gone
    }

    let descriptor: Int32

    /// Waits for connections on a port; 0 takes a free one.
    static func listening(port: Int) throws(SystemFault) -> Socket {
        let socket = try made()
        try socket.set(SOL_SOCKET, SO_REUSEADDR)
        try SystemFault.check(withAddress(port) { bind(socket.descriptor, $0, $1) }, "bind")
        try SystemFault.check(listen(socket.descriptor, 4096), "listen")
        return socket
    }

    /// Begins to connect. What is sent before it has is taken later; a refusal shows on the first send or read, as a connection that is gone.
    static func connecting(port: Int) throws(SystemFault) -> Socket {
        let socket = try made()
        try socket.set(Int32(IPPROTO_TCP), TCP_NODELAY)
        _ = withAddress(port) { connect(socket.descriptor, $0, $1) }
        return socket
    }

    /// The next connection; nil when none waits.
    func accepted() throws(SystemFault) -> Socket? {
        let socket = Socket(descriptor: accept(descriptor, nil, nil))
        guard socket.descriptor >= 0 else {
            guard [EAGAIN, EINTR, ECONNABORTED].contains(errno) else { throw SystemFault("accept") }
            return nil
        }
        try socket.unblock()
        try socket.set(Int32(IPPROTO_TCP), TCP_NODELAY)
        return socket
    }

    func port() throws(SystemFault) -> Int {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        try SystemFault.check(result, "getsockname")
        return Int(UInt16(bigEndian: address.sin_port))
    }

    func receive(into buffer: UnsafeMutableRawBufferPointer) -> Outcome {
        let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
        return count == 0 ? .gone : Self.outcome(count)
    }

    func send(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        Self.outcome(Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)))
    }

    func close() {
        _ = Glibc.close(descriptor)
    }

    private static func outcome(_ count: Int) -> Outcome {
        guard count < 0 else { return .bytes(count) }
        return errno == EAGAIN || errno == EINTR ? .later : .gone
    }

    private static func made() throws(SystemFault) -> Socket {
        let socket = Socket(descriptor: try SystemFault.check(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0), "socket"))
        try socket.unblock()
        return socket
    }

    private func unblock() throws(SystemFault) {
        try SystemFault.check(fcntl(descriptor, F_SETFL, O_NONBLOCK), "fcntl")
    }

    private func set(_ level: Int32, _ option: Int32) throws(SystemFault) {
        var on: Int32 = 1
        try SystemFault.check(setsockopt(descriptor, level, option, &on, socklen_t(MemoryLayout<Int32>.size)), "setsockopt")
    }

    private static func withAddress(_ port: Int, _ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        return withUnsafePointer(to: address) { address in
            // The family says what the kernel finds behind it.
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}
