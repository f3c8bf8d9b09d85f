import FoundationEssentials
import HTTPWire
import Outbound
import Synchronization

/// Requests of a drill's own, as a customer would send them, one after the other on each of so many lines.
final class DrillLoad: Sendable {
    private struct Counts {
        var answered = 0
        var failed = 0
        var isOver = false
    }

    private let lines: Int
    /// Answers that have begun cannot be asked again elsewhere: only what is judged by first tokens is streamed.
    private let streams: Bool
    private let url: String
    private let key: String
    private let outbound = OutboundClient()
    private let counts = Mutex(Counts())

    /// To `OPENAI_BASE_URL` with `OPENAI_API_KEY`, or to the installation whose variables are set. Throws when requests are wanted and nobody says where to.
    init(_ lines: Int, streams: Bool, environment: [String: String]) throws(CommandFailure) {
        self.lines = lines
        self.streams = streams
        url = environment["OPENAI_BASE_URL"] ?? environment["PLIMSOLL_URL"].map { "\($0)/v1" } ?? ""
        key = environment["OPENAI_API_KEY"] ?? environment["PLIMSOLL_DRILL_KEY"] ?? ""
        guard lines == 0 || !url.isEmpty && !key.isEmpty else {
            throw CommandFailure(
                .usage,
                "--load needs OPENAI_BASE_URL (or PLIMSOLL_URL) and a key in OPENAI_API_KEY or PLIMSOLL_DRILL_KEY: plimsoll keys create … purpose=drill"
            )
        }
    }

    /// Until it is told to end, or cancelled.
    func run(model: String) async {
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<lines {
                group.addTask {
                    while !Task.isCancelled, !self.isOver { await self.ask(model) }
                }
            }
        }
    }

    /// What is under way is still waited for, and counts for nobody.
    func end() { counts.withLock { $0.isOver = true } }

    private var isOver: Bool { counts.withLock { $0.isOver } }

    /// Nil: it sent nothing.
    var summary: String? {
        guard lines > 0 else { return nil }
        let counts = counts.withLock { $0 }
        return "of the drill's own requests \(counts.answered) were answered and \(counts.failed) failed"
    }

    private func ask(_ model: String) async {
        let message: JSONValue = .members(("role", .string("user")), ("content", .string("Count to five.")))
        let body: JSONValue = .members(
            ("model", .string(model)), ("messages", .array([message])), ("max_tokens", .integer(16)), ("stream", .bool(streams)))
        var request = OutboundRequest(method: "POST", url: "\(url)/chat/completions")
        request.headers = [OutboundHeader("authorization", "Bearer \(key)"), OutboundHeader("content-type", "application/json")]
        request.body = .bytes(Array(JSONPrinter.compact(body).utf8))
        request.deadlines = OutboundDeadlines(connect: .seconds(5), total: .seconds(120))
        // Why it failed stands in its record.
        let answer = try? await outbound.send(request)
        // A stream that broke has no such end.
        let hasEnd = !streams || String(decoding: answer?.body.suffix(64) ?? [], as: UTF8.self).contains("data: [DONE]")
        let isWhole = answer?.status == 200 && hasEnd
        // What was under way when the drill ended is nobody's failure.
        guard !Task.isCancelled, !isOver else { return }
        counts.withLock { counts in
            if isWhole { counts.answered += 1 } else { counts.failed += 1 }
        }
        // One that is refused at once must not become a flood.
        if !isWhole { try? await Task.sleep(for: .milliseconds(200)) }
    }
}
