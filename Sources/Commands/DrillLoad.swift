import FoundationEssentials
import HTTPWire
import Outbound
import Synchronization

/// Requests of a drill's own, as a customer would send them, one after the other on each of so many lines.
final class DrillLoad: Sendable {
    private struct Counts {
        var answered = 0
        var failed = 0
    }

    private let lines: Int
    private let url: String
    private let key: String
    private let outbound = OutboundClient()
    private let counts = Mutex(Counts())

    /// Throws when requests are wanted and nobody says where to.
    init(_ lines: Int, environment: [String: String]) throws(CommandFailure) {
        self.lines = lines
        url = environment["OPENAI_BASE_URL"] ?? ""
        key = environment["OPENAI_API_KEY"] ?? ""
        guard lines == 0 || !url.isEmpty && !key.isEmpty else {
            throw CommandFailure(.usage, "--load needs OPENAI_BASE_URL and OPENAI_API_KEY")
        }
    }

    /// Until it is cancelled.
    func run(model: String) async {
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<lines {
                group.addTask {
                    while !Task.isCancelled { await self.ask(model) }
                }
            }
        }
    }

    /// Nil: it sent nothing.
    var summary: String? {
        guard lines > 0 else { return nil }
        let counts = counts.withLock { $0 }
        return "of the drill's own requests \(counts.answered) were answered and \(counts.failed) failed"
    }

    private func ask(_ model: String) async {
        let message: JSONValue = .members(("role", .string("user")), ("content", .string("Count to five.")))
        let body: JSONValue = .members(("model", .string(model)), ("messages", .array([message])), ("max_tokens", .integer(16)))
        var request = OutboundRequest(method: "POST", url: "\(url)/chat/completions")
        request.headers = [OutboundHeader("authorization", "Bearer \(key)"), OutboundHeader("content-type", "application/json")]
        request.body = .bytes(Array(JSONPrinter.compact(body).utf8))
        request.deadlines = OutboundDeadlines(connect: .seconds(5), total: .seconds(120))
        let status = (try? await outbound.send(request))?.status
        // What was under way when the drill ended is nobody's failure.
        guard !Task.isCancelled else { return }
        counts.withLock { counts in
            if status == 200 { counts.answered += 1 } else { counts.failed += 1 }
        }
        // One that is refused at once must not become a flood.
        if status != 200 { try? await Task.sleep(for: .milliseconds(200)) }
    }
}
