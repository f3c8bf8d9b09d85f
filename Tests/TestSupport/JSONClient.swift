import FoundationEssentials
import Outbound

/// Speaks JSON to a server on loopback.
package struct JSONClient: Sendable {
    package struct Answer: Sendable {
        package let status: Int
        package let text: String
        package let headers: [String: String]

        /// The body as a tree; null when it is no JSON.
        package var json: JSONTree { (try? JSONDecoder().decode(JSONTree.self, from: Data(text.utf8))) ?? .null }
    }

    private let client: OutboundClient
    private let origin: String
    private let token: String?

    package init(port: Int, token: String?) {
        client = OutboundClient()
        origin = "http://127.0.0.1:\(port)"
        self.token = token
    }

    package func shutdown() {
        client.shutdown()
    }

    /// The same server with another token.
    package func acting(as token: String?) -> JSONClient { JSONClient(client: client, origin: origin, token: token) }

    private init(client: OutboundClient, origin: String, token: String?) {
        self.client = client
        self.origin = origin
        self.token = token
    }

    package func send(_ method: String, _ path: String, _ body: String? = nil, headers: [String: String] = [:]) async throws -> Answer {
        var fields = headers.map { OutboundHeader($0.key, $0.value) }
        if let token { fields.append(OutboundHeader("authorization", "Bearer \(token)")) }
        if body != nil { fields.append(OutboundHeader("content-type", "application/json")) }
        let response = try await client.send(
            OutboundRequest(method: method, url: origin + path, headers: fields, body: body.map { .bytes(Array($0.utf8)) } ?? .none))
        let pairs = response.head.headers.map { ($0.name.lowercased(), $0.value) }
        return Answer(
            status: response.status, text: String(decoding: response.body, as: UTF8.self),
            headers: Dictionary(pairs) { first, _ in first })
    }
}
