import Glibc
package import NIOCore
import NIOPosix

/// A name that cannot be looked up.
package struct UnknownHost: Error, CustomStringConvertible {
    package let description: String

    package init(description: String) {
        self.description = description
    }
}

/// Looks names up, which blocks, on threads that may.
package enum HostAddresses {
    /// Every address of a host, in the system's order.
    package static func resolve(_ host: String, port: Int, on eventLoop: any EventLoop) -> EventLoopFuture<[SocketAddress]> {
        NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) { try resolve(host, port: port) }
    }

    package static func resolve(_ host: String, port: Int) throws -> [SocketAddress] {
        if let address = try? SocketAddress(ipAddress: host, port: port) { return [address] }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        defer { if let first { freeaddrinfo(first) } }
        let result = getaddrinfo(host, String(port), &hints, &first)
        guard result == 0 else { throw UnknownHost(description: "\(host): \(String(cString: gai_strerror(result)))") }
        return sequence(first: first, next: { $0?.pointee.ai_next }).compactMap { $0.flatMap { address($0.pointee, host) } }
    }

    private static func address(_ found: addrinfo, _ host: String) -> SocketAddress? {
        guard let bytes = UnsafeRawPointer(found.ai_addr) else { return nil }
        return switch found.ai_family {
        case AF_INET: SocketAddress(bytes.loadUnaligned(as: sockaddr_in.self), host: host)
        case AF_INET6: SocketAddress(bytes.loadUnaligned(as: sockaddr_in6.self), host: host)
        default: nil
        }
    }
}
