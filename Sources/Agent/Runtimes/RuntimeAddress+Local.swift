package import Exchange

/// Runtimes listen on their own host and on nothing that others can reach.
extension RuntimeAddress {
    /// Longest path that a unix socket address holds on Linux, without its closing zero.
    private static let longestSocketPath = 107

    /// Reads `unix:/path` or `http://127.0.0.1:port`; the error says what is wrong, for the configuration's list of faults.
    package static func onThisHost(_ text: String) throws(AgentError) -> RuntimeAddress {
        guard let address = RuntimeAddress(url: text) else {
            throw AgentError(.runtime, "must be unix:/path or http://127.0.0.1:port")
        }
        switch address {
        case .unix(let path):
            guard path.utf8.count <= longestSocketPath else {
                throw AgentError(.runtime, "a socket path has at most \(longestSocketPath) bytes")
            }
            return address
        case .tcp(let host, let port):
            guard isLoopback(host) else {
                throw AgentError(.runtime, "a runtime must not be reachable from other hosts: use a unix socket or a loopback address")
            }
            return .tcp(host: host == "localhost" ? "127.0.0.1" : host, port: port)
        }
    }

    /// Literal loopback addresses and the one name that means them; other names could resolve to anything.
    package static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    /// Base of the runtime's own URLs, without a slash at the end.
    var baseURL: String { "http://\(authority)" }

    var socketPath: String? {
        if case .unix(let path) = self { path } else { nil }
    }
}
