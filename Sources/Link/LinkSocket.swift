import NIOCore

/// TCP options of a link's socket.
enum LinkSocket {
    static let noDelay = ChannelOptions.tcpOption(.tcp_nodelay)
    /// TCP_USER_TIMEOUT of `linux/tcp.h`: a peer that acknowledges nothing for so long is gone.
    static let userTimeout = ChannelOptions.tcpOption(.init(rawValue: 18))
    static let userTimeoutMilliseconds = 5_000
}

/// `host:port`, with an IPv6 address in brackets.
struct HostAndPort {
    let host: String
    let port: Int

    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]), (1...65_535).contains(port) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self.host = String(host)
        self.port = port
    }
}
