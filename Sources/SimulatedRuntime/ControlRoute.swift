import FoundationEssentials
import NIOHTTP1

/// `GET /_control` shows counts; `POST /_control` orders a fault or a recording, or changes the pace. Only tests and drills call it.
struct ControlRoute {
    /// `play` takes the name of a `Recording` or `none`; `fault` takes a name from `Fault` or `none`; `after`: tokens first; `count`: how many requests meet it, all when missing.
    private struct Order: Decodable {
        var play: String?
        var fault: String?
        var after: Int?
        var count: Int?
        var firstTokenMs: Double?
        var tokenGapMs: Double?

        enum CodingKeys: String, CodingKey {
            case play, fault, after, count
            case firstTokenMs = "first_token_ms"
            case tokenGapMs = "token_gap_ms"
        }
    }

    let engine: Engine

    func answer(_ method: HTTPMethod, _ body: [UInt8], _ writer: ResponseWriter) {
        if method == .POST, let fault = obey(body) { return writer.whole(.badRequest, "{\"error\":\(fault.json)}") }
        writer.whole(.ok, state)
    }

    /// Returns what is wrong with the order.
    private func obey(_ body: [UInt8]) -> String? {
        let order: Order
        do {
            order = try JSONDecoder().decode(Order.self, from: Data(body))
        } catch {
            return "not a control order"
        }
        if let name = order.play {
            engine.recording = Recording.named(name)
            guard engine.recording != nil || name == "none" else {
                return "unknown recording; one of none, " + Recording.all.map(\.name).joined(separator: ", ")
            }
        }
        if let name = order.fault {
            let known = Fault(rawValue: name)
            guard known != nil || name == "none" else {
                return "unknown fault; one of none, " + Fault.allCases.map(\.rawValue).joined(separator: ", ")
            }
            engine.faults.order(known, after: order.after ?? 3, count: order.count)
        }
        if let pause = order.firstTokenMs { engine.settings.firstToken = .milliseconds(max(0, pause)) }
        if let pause = order.tokenGapMs { engine.settings.tokenGap = .milliseconds(max(0, pause)) }
        return nil
    }

    private var state: String {
        let tally = engine.tally
        return "{\"seen\":\(tally.seen),\"finished\":\(tally.finished),\"aborted\":\(tally.aborted),\"refused\":\(tally.refused),"
            + "\"faulted\":\(tally.faulted),\"prompt_tokens\":\(tally.promptTokens),\"generated_tokens\":\(tally.generatedTokens),"
            + "\"running\":\(engine.table.running),\"waiting\":\(engine.table.waiting),\"fault\":\(engine.faults.fault?.rawValue.json ?? "null")}"
    }
}
