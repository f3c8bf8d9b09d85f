import NIOCore

extension SocketAddress {
    /// As logs show a peer: `127.0.0.1:49536`, `[::1]:49536`, or the path of a unix socket.
    var hostAndPort: String? {
        guard let ipAddress, let port else { return pathname }
        return ipAddress.contains(":") ? "[\(ipAddress)]:\(port)" : "\(ipAddress):\(port)"
    }
}
