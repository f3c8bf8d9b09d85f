/// Every byte that an upstream can send for its model, made once. Sizes, names and fields are those of vLLM's answers.
struct UpstreamAnswers {
    let model: String
    /// Of a stream.
    let tokens: Int
    let whole: [UInt8]
    let health: [UInt8]
    let models: [UInt8]
    /// One for each token: the head and the role go with the first, the finish and the end with the last, as runtimes send them.
    let steps: [[UInt8]]
    /// Instead of the last step, for who asked for usage.
    let lastWithUsage: [UInt8]

    init(model: String, tokens: Int, wholeTokens: Int) {
        self.model = model
        self.tokens = max(1, tokens)
        whole = Self.answer(Self.body(model, wholeTokens))
        health = Self.answer("{\"status\":\"ok\"}")
        models = Self.answer(
            "{\"object\":\"list\",\"data\":[{\"id\":\"\(model)\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":\"bench\"}]}")
        let event = Event(model: model)
        var texts = (0..<max(1, tokens)).map { event.choice("{\"content\":\"\(Self.text($0..<$0 + 1))\"}") }
        texts[0] = Self.streamHead + event.choice("{\"role\":\"assistant\",\"content\":\"\"}") + texts[0]
        let last = (texts.popLast() ?? "") + event.choice("{}", finish: "\"stop\"")
        steps = (texts + [last + Self.end]).map { Array($0.utf8) }
        lastWithUsage = Array((last + event.usage(Self.usage(tokens)) + Self.end).utf8)
    }

    private static let id = "\"id\":\"chatcmpl-bench000000000000000000000000001\""
    private static let streamHead =
        "HTTP/1.1 200 OK\r\nserver: bench\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
        + "transfer-encoding: chunked\r\n\r\n"
    private static let end = "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"

    private static func text(_ range: Range<Int>) -> String {
        String(decoding: range.flatMap(BenchText.token), as: UTF8.self)
    }

    private static func usage(_ tokens: Int) -> String {
        "{\"prompt_tokens\":17,\"total_tokens\":\(17 + tokens),\"completion_tokens\":\(tokens)}"
    }

    private static func body(_ model: String, _ tokens: Int) -> String {
        "{\(id),\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"\(model)\",\"choices\":[{\"index\":0,\"message\":"
            + "{\"role\":\"assistant\",\"content\":\"\(text(0..<tokens))\",\"tool_calls\":[]},\"logprobs\":null,\"finish_reason\":\"stop\","
            + "\"stop_reason\":null}],\"usage\":\(usage(tokens)),\"prompt_logprobs\":null}"
    }

    private static func answer(_ body: String) -> [UInt8] {
        Array(
            "HTTP/1.1 200 OK\r\nserver: bench\r\ncontent-type: application/json\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
    }

    /// Makes server-sent events, each a chunk of its own.
    private struct Event {
        let model: String

        func choice(_ delta: String, finish: String = "null") -> String {
            chunk("{\"index\":0,\"delta\":\(delta),\"logprobs\":null,\"finish_reason\":\(finish)}]}")
        }

        func usage(_ usage: String) -> String {
            chunk("],\"usage\":\(usage)}")
        }

        private func chunk(_ rest: String) -> String {
            let text = "data: {\(id),\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"\(model)\",\"choices\":[\(rest)\n\n"
            return String(text.utf8.count, radix: 16) + "\r\n" + text + "\r\n"
        }
    }
}
