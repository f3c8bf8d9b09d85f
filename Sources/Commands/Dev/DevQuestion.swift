import HTTPWire
import Outbound

/// One streamed question through the customers' API.
struct DevQuestion: Sendable {
    let url: String
    let key: String
    let model: String

    struct Answer: Sendable {
        var text = ""
        var firstToken: Duration?
        var total = Duration.zero
        var tokens = 0

        /// Tokens a second after the first; nil when there were too few.
        var rate: Double? {
            guard let firstToken, tokens > 1, total > firstToken else { return nil }
            return Double(tokens - 1) / ((total - firstToken) / .seconds(1))
        }
    }

    /// - Parameter show: told each piece of text as it comes.
    func ask(_ question: String, client: OutboundClient, maxTokens: Int, show: (String) -> Void = { _ in }) async throws -> Answer {
        let message = JSONValue.members(("role", .string("user")), ("content", .string(question)))
        let body = JSONValue.members(
            ("model", .string(model)), ("stream", .bool(true)), ("max_tokens", .integer(Int64(maxTokens))), ("temperature", .integer(0)),
            ("messages", .array([message])), ("stream_options", .members(("include_usage", .bool(true)))))
        let request = OutboundRequest(
            method: "POST", url: "\(url)/v1/chat/completions",
            headers: [OutboundHeader("authorization", "Bearer \(key)"), OutboundHeader("content-type", "application/json")],
            body: .bytes(Array(JSONPrinter.compact(body).utf8)), deadlines: OutboundDeadlines(total: .seconds(120)))
        let began = ContinuousClock.now
        return try await client.withStream(request) { head, pieces in
            guard head.status == 200 else { throw CommandFailure(.refused, "the gateway answered \(head.status)") }
            var answer = Answer()
            var lines = StreamLines()
            for try await piece in pieces {
                for data in lines.take(piece) { try Self.read(data, began, &answer, show) }
            }
            answer.total = ContinuousClock.now - began
            guard lines.isDone else { throw CommandFailure(.refused, "the answer was cut short") }
            return answer
        }
    }

    private static func read(_ data: String, _ began: ContinuousClock.Instant, _ answer: inout Answer, _ show: (String) -> Void) throws {
        let event = try JSONValue.parse(data)
        if let message = event["error"]?["message"]?.string { throw CommandFailure(.refused, message) }
        if let text = event["choices"]?.array?.first?["delta"]?["content"]?.string, !text.isEmpty {
            if answer.firstToken == nil { answer.firstToken = ContinuousClock.now - began }
            answer.text += text
            answer.tokens += 1
            show(text)
        }
        if let counted = event["usage"]?["completion_tokens"]?.integer, counted > 0 { answer.tokens = Int(counted) }
    }
}

/// Splits an event stream into the data of its events.
private struct StreamLines {
    private var rest: [UInt8] = []
    private(set) var isDone = false

    mutating func take(_ bytes: [UInt8]) -> [String] {
        rest += bytes
        var found: [String] = []
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let line = String(decoding: rest[..<end], as: UTF8.self)
            rest.removeSubrange(...end)
            guard line.hasPrefix("data: ") else { continue }
            let data = line.dropFirst(6).filter { $0 != "\r" }
            if data == "[DONE]" { isDone = true } else { found.append(data) }
        }
        return found
    }
}
