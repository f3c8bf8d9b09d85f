/// Where a runtime listens. Plain HTTP/1.1: only for a unix socket, loopback or a private link.
package enum RuntimeAddress: Hashable, Sendable {
    case unix(path: String)
    case tcp(host: String, port: Int)

    /// Parses `http://host[:port][/]` and `unix:/path`; nil for anything else.
    package init?(url: String) {
        if url.hasPrefix("unix:/") {
            self = .unix(path: String(url.dropFirst("unix:".count)))
            return
        }
        guard url.hasPrefix("http://") else { return nil }
        var authority = url.dropFirst("http://".count)
        if authority.hasSuffix("/") { authority = authority.dropLast() }
        guard !authority.isEmpty, !authority.contains(where: { "/?#@ ".contains($0) }) else { return nil }
        guard let (host, port) = RuntimeAddress.split(authority) else { return nil }
        self = .tcp(host: host, port: port)
    }

    private static func split(_ authority: Substring) -> (String, Int)? {
        if authority.hasPrefix("[") {
            guard let close = authority.firstIndex(of: "]") else { return nil }
            let host = authority[authority.index(after: authority.startIndex)..<close]
            let rest = authority[authority.index(after: close)...]
            return port(of: rest).map { (String(host), $0) }
        }
        guard let colon = authority.firstIndex(of: ":") else { return (String(authority), 80) }
        guard colon != authority.startIndex else { return nil }
        return port(of: authority[colon...]).map { (String(authority[..<colon]), $0) }
    }

    private static func port(of rest: Substring) -> Int? {
        if rest.isEmpty { return 80 }
        guard rest.first == ":", let port = Int(rest.dropFirst()), (1...65535).contains(port) else { return nil }
        return port
    }

    /// Value of the `host` header.
    package var authority: String {
        switch self {
        case .unix: "localhost"
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }
}
