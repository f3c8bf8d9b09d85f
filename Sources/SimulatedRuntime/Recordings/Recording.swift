/// The bytes of one answer as an engine writes them, event by event, to be played in place of an invented one.
///
/// Shapes, order of members, empty and missing fields are those of public captures of the engines; ids and texts are our own. They are what a
/// simulation cannot invent: calls of tools, reasoning, probabilities of tokens, and the ways in which engines count and fail.
struct Recording: Sendable {
    /// `ENGINE-SUBJECT`, as a prompt or a control order names it.
    let name: String
    /// Events of the stream, each with its empty line.
    let stream: [String]
    /// The answer that is not streamed.
    let whole: String
    /// Of the answer that is not streamed.
    var status = 200

    /// - Parameter events: one JSON text a line.
    init(_ name: String, events: String, whole: String, status: Int = 200, isDone: Bool = true) {
        self.name = name
        let lines = events.split(separator: "\n").map { "data: \($0)\n\n" }
        stream = isDone ? lines + ["data: [DONE]\n\n"] : lines
        self.whole = whole
        self.status = status
    }

    static let all: [Recording] = vllm + sglang + llamacpp + tgi

    /// What a prompt gets that names none: a mistake in a test must not look like an answer.
    static let unknown = Recording(
        "unknown", events: #"{"error":{"message":"no such recording","code":400}}"#, whole: #"{"error":{"message":"no such recording","code":400}}"#,
        status: 400)

    static func named(_ name: String) -> Recording? { all.first { $0.name == name } }
}
