import FoundationEssentials
import TestSupport

/// What a receiver got: head and body of each request.
struct WebhookReceiver: Sendable {
    let runtime: ScriptedRuntime

    init(_ statuses: [String] = []) async throws {
        runtime = try await ScriptedRuntime { number, _ in
            let status = number < statuses.count ? statuses[number] : "202 Accepted"
            return [.send("HTTP/1.1 \(status)\r\ncontent-length: 2\r\n\r\n{}")]
        }
    }

    var url: String { "http://127.0.0.1:\(runtime.port)/hook" }
    var bodies: [String] { runtime.seen.requests.map { String($0[($0.ranges(of: "\r\n\r\n").first?.upperBound ?? $0.startIndex)...]) } }
    var documents: [JSONTree] { get throws { try bodies.map { try JSONDecoder().decode(JSONTree.self, from: Data($0.utf8)) } } }

    func header(_ name: String, _ number: Int = 0) -> String? {
        runtime.seen.requests[number].split(separator: "\r\n").first { $0.lowercased().hasPrefix(name + ": ") }.map {
            String($0.dropFirst(name.count + 2))
        }
    }
}
