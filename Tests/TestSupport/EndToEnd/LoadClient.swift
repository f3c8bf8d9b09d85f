import Foundation

/// Forty customers, or as many as asked for, in a process of their own.
package struct LoadClient: Sendable {
    package struct Ending: Decodable, Sendable {
        package let id: String?
        package let outcome: String
        package let status: Int?
        package let first: Bool
        package let tokens: Int
        package let seconds: Double
        package let detail: String
    }

    private struct Event: Decodable {
        let event: String
    }

    private let child: ChildProcess

    /// `turns`: requests of each customer, 0 for as many as fit until `finish`.
    package init(
        url: String, key: String, model: String, customers: Int = 40, turns: Int = 0, maxTokens: Int = 40, seconds: Int = 90, plain: Bool = false,
        prompt: String = "Say something to"
    ) throws {
        var arguments = [
            Checkout.script("load_client.py"), "--url", url, "--key", key, "--model", model, "--customers", "\(customers)", "--turns", "\(turns)",
            "--max-tokens", "\(maxTokens)", "--seconds", "\(seconds)", "--prompt", prompt,
        ]
        if plain { arguments.append("--plain") }
        child = try ChildProcess("/usr/bin/env", ["python3"] + arguments)
    }

    /// Waits until this many answers have shown a first token.
    package func waitForFirstTokens(_ count: Int) async throws {
        try await child.wait("\(count) first tokens", within: .seconds(40)) { $0.count { $0.contains(#""event": "first""#) } >= count }
    }

    package func waitForEndings(_ count: Int) async throws {
        try await child.wait("\(count) ended requests", within: .seconds(60)) { $0.count { $0.contains(#""event": "end""#) } >= count }
    }

    package var endings: [Ending] { decoded(child.lines) }

    /// Lets running requests finish and returns every request's ending.
    package func finish() async throws -> [Ending] {
        try child.closeInput()
        try await child.ended(within: .seconds(60))
        return decoded(child.lines)
    }

    package func stop() async {
        await child.stop(grace: .zero)
    }

    private func decoded(_ lines: [String]) -> [Ending] {
        lines.filter { $0.contains(#""event": "end""#) }.compactMap { try? JSONDecoder().decode(Ending.self, from: Data($0.utf8)) }
    }
}

extension [LoadClient.Ending] {
    package func count(_ outcome: String) -> Int {
        filter { $0.outcome == outcome }.count
    }

    /// How they ended, for a test's message.
    package var summary: String {
        var counts: [String: Int] = [:]
        var details: Set<String> = []
        for ending in self {
            let status = ending.status.map { String($0) } ?? "-"
            counts["\(ending.outcome) \(status)\(ending.first ? " after a token" : "")", default: 0] += 1
            if ending.outcome != "finished", details.count < 4 { details.insert(String(ending.detail.prefix(160))) }
        }
        return "\(counts.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }) \(details.sorted())"
    }
}
