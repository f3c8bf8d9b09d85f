import NIOCore
import NIOHTTP1

/// One answer on its way: produced token by token on the event loop, until its end, its fault, or its client's leave.
final class Generation {
    enum Ending {
        case finished(byLength: Bool)
        case aborted
    }

    let request: CompletionRequest
    var ticket: SlotTable.Ticket?
    private let engine: Engine
    private let writer: ResponseWriter
    private let dose: FaultPlan.Dose?
    private let story: Story
    private let recording: Recording?
    private let text: AnswerText
    /// Tokens that the client has from elsewhere.
    private let offset: Int
    private let limit: Int
    private var produced = 0
    private var headSent = false
    private var timer: Scheduled<Void>?
    private(set) var isOver = false

    init(request: CompletionRequest, dose: FaultPlan.Dose?, engine: Engine, writer: ResponseWriter, identity: AnswerIdentity) {
        self.request = request
        self.dose = dose
        self.engine = engine
        self.writer = writer
        let isImpostor = dose?.fault == .wrongModel
        let seed = engine.settings.seed &+ request.seed &+ (isImpostor ? 0x5eed : 0)
        recording = Story.order("play", in: request.prompt).map { Recording.named($0) ?? .unknown } ?? engine.recording
        story = Story(prompt: request.prompt, seed: seed)
        offset = request.continued.map(story.tokens(of:)) ?? 0
        let room = max(1, engine.settings.contextTokens - request.promptTokens - offset)
        let left = story.length - offset
        limit = min(max(min(request.maxTokens ?? left, left, room), 1), max(left, 0))
        text = AnswerText(
            dialect: engine.settings.dialect, kind: request.kind, id: identity.id, model: isImpostor ? "another-model" : engine.settings.model,
            created: identity.created)
    }

    /// KV that the answer may come to use.
    var tokens: Int { request.promptTokens + offset + limit * request.choices }

    /// vLLM sends the head of a stream when it takes the request, llama.cpp with the first event.
    func accepted() {
        guard request.streams, engine.settings.dialect == .vllm, dose?.fault != .hangBeforeHead else { return }
        sendHead()
    }

    /// The request has its slot.
    func start() {
        if dose?.fault == .drip { writer.drip() }
        guard dose?.fault != .hangBeforeHead else { return }
        wait(engine.settings.firstToken)
    }

    /// The client left or the runtime stops.
    func abort() {
        guard !isOver else { return }
        over(.aborted)
    }

    func cut() {
        abort()
        writer.cut()
    }

    private func wait(_ time: Duration) {
        timer = engine.loop.assumeIsolated().scheduleTask(in: TimeAmount(time)) { self.step() }
    }

    private func step() {
        guard !isOver else { return }
        guard writer.isWritable else { return wait(max(engine.settings.tokenGap, .milliseconds(5))) }
        if dose?.fault == .garbage { return garbage() }
        if let recording, request.kind == .chat { return play(recording) }
        if let dose, produced >= dose.after, stops(at: dose.fault) { return }
        guard produced < limit else { return finish() }
        produceToken()
        produced == limit ? finish() : wait(engine.settings.tokenGap)
    }

    private func play(_ recording: Recording) {
        guard request.streams else {
            over(.finished(byLength: false))
            return writer.whole(HTTPResponseStatus(statusCode: recording.status), recording.whole)
        }
        sendHead()
        writer.text(recording.stream[produced])
        produced += 1
        guard produced == recording.stream.count else { return wait(engine.settings.tokenGap) }
        over(.finished(byLength: false))
        writer.end()
    }

    /// True when the answer ends here, one way or another, without an end.
    private func stops(at fault: Fault) -> Bool {
        switch fault {
        case .hangMidStream:
            beginBody()
            return true
        case .closeMidStream:
            beginBody()
            cut()
            return true
        case .crash:
            engine.crash()
            return true
        default: return false
        }
    }

    /// So that a fault in the middle of a body has a middle: a promise of more bytes than will come.
    private func beginBody() {
        guard !headSent else { return }
        if request.streams {
            sendHead()
        } else {
            headSent = true
            writer.head(.ok, type: "application/json", length: 4096)
            writer.text("{\"id\":")
        }
    }

    private func produceToken() {
        engine.generated(request.choices)
        if request.streams { stream() }
        produced += 1
    }

    private func stream() {
        sendHead()
        for choice in 0..<request.choices {
            if produced == 0, let opening = text.opening(choice: choice) { writer.text(opening) }
            let usage = request.continuousUsage ? usage(tokens: (produced + 1) * request.choices) : nil
            let timings = request.timingsPerToken ? timings(tokens: produced + 1) : nil
            writer.text(text.token(story.token(at: offset + produced, choice: choice), choice: choice, usage: usage, timings: timings))
        }
    }

    private func sendHead() {
        guard !headSent else { return }
        headSent = true
        writer.head(.ok, type: engine.settings.dialect == .vllm ? "text/event-stream; charset=utf-8" : "text/event-stream")
    }

    private func finish() {
        let byLength = offset + limit < story.length
        let reason = byLength ? "length" : "stop"
        // Freed before the last byte: a client that asks again at once finds the slot.
        over(.finished(byLength: byLength))
        if request.streams {
            endStream(reason)
        } else {
            let texts = (0..<request.choices).map { story.text(from: offset, tokens: limit, choice: $0) }
            writer.whole(.ok, text.whole(texts: texts, reason: reason, usage: reported(), timings: timings))
        }
    }

    private func endStream(_ reason: String) {
        let timings = request.includesUsage ? nil : timings
        for choice in 0..<request.choices {
            let usage = request.continuousUsage ? usage(tokens: limit * request.choices) : nil
            writer.text(text.closing(choice: choice, reason: reason, usage: usage, timings: timings))
        }
        if request.includesUsage {
            // llama.cpp sends one usage event for each choice.
            let events = engine.settings.dialect == .llamacpp ? request.choices : 1
            for _ in 0..<events { writer.text(text.usage(reported(), timings: self.timings)) }
        }
        writer.text("data: [DONE]\n\n")
        writer.end()
    }

    /// llama.cpp counts the tokens of one choice only.
    private func reported() -> Usage {
        usage(tokens: engine.settings.dialect == .llamacpp ? limit : limit * request.choices)
    }

    private func usage(tokens: Int) -> Usage {
        let factor = dose?.fault == .inflatedUsage ? 10 : 1
        return Usage(prompt: (request.promptTokens + offset) * factor, completion: tokens * factor)
    }

    private var timings: Timings? { timings(tokens: limit) }

    private func timings(tokens: Int) -> Timings? {
        guard engine.settings.dialect == .llamacpp else { return nil }
        return Timings(
            promptTokens: request.promptTokens, promptMilliseconds: engine.settings.firstToken.seconds * 1000, tokens: tokens,
            milliseconds: engine.settings.tokenGap.seconds * 1000 * Double(tokens))
    }

    private func garbage() {
        over(.aborted)
        guard request.streams else { return writer.whole(.ok, "<html>\u{1}{\"choices\": [}") }
        sendHead()
        writer.text("data: {\"choices\":[{\"delta\":\n\nevent \u{1}\u{2}\ndata: ]]]]\n\n")
        writer.end()
    }

    private func over(_ ending: Ending) {
        isOver = true
        timer?.cancel()
        engine.ended(self, ending)
    }
}

/// What an answer calls itself.
struct AnswerIdentity {
    let id: String
    /// Seconds since 1970.
    let created: Int
}
