import Domain
import Exchange
import HTTPWire
import NIOCore
import OpenAIWire
import PlimsollWire

/// What became of a probe. Times are microseconds.
struct ProbeOutcome: Sendable {
    /// Nil: it answered as it should.
    var fault: ProbeFault?
    var status = 0
    var firstTokenAfter: Int64?
    var lastTokenAfter: Int64?
    var linkRoundTrip: Int64?
    var reading: ProbeReading?

    var succeeded: Bool { fault == nil }
}

/// A request of the gateway's own: what a worker must answer before a customer's request goes there again, and now and then in any case.
///
/// By the same way as customers' requests: link, agent, runtime. Over a link something is asked first that the agent itself answers, so that a
/// fault of the link is told apart from one of the runtime.
final class HealthProbe: ExchangeReceiver {
    private static let time = TimeAmount.seconds(20)
    /// No path of a runtime: agents of every release refuse it at once.
    private static let echo = "/link/v1/echo"

    /// Of the request's form, as a model without chat gives them: they come from a runtime that works.
    private static let refusals: Set = [400, 404, 405, 422, 501]

    private enum Step {
        case echo
        case asking(GenerationEndpoint)
    }

    let deadline: NIODeadline
    private let worker: Worker
    private let question: ProbeQuestion
    private let startedAt = NIODeadline.now()
    private var tell: ((ProbeOutcome) -> Void)?
    private var exchange: (any RunningExchange)?
    private var step = Step.echo
    private var stepAt = NIODeadline.now()
    private var outcome = ProbeOutcome()
    private var head: ExchangeHead?
    private var body = ByteBuffer()
    private weak var loop: GatewayLoop?

    init(_ worker: Worker, _ question: ProbeQuestion, tell: @escaping (ProbeOutcome) -> Void) {
        self.worker = worker
        self.question = question
        self.tell = tell
        deadline = startedAt + Self.time
    }

    func start(_ loop: GatewayLoop) {
        self.loop = loop
        if worker.address == nil, question != .anything {
            send(Self.echo, "{}")
        } else {
            ask(question.endpoint)
        }
    }

    private func ask(_ endpoint: GenerationEndpoint) {
        step = .asking(endpoint)
        let name = String(decoding: worker.quotedServedModel ?? BodyEdit.quoted(worker.entry.model), as: UTF8.self)
        send(endpoint.runtimePath, question.body(model: name, at: endpoint))
    }

    private func send(_ path: String, _ text: String) {
        guard let loop else { return finish(.gateway) }
        stepAt = .now()
        (head, body) = (nil, ByteBuffer())
        let id = RequestId(milliseconds: LoopClock.wallMicroseconds() / 1000, using: &loop.random)
        let request = ExchangeRequest(path: path, requestId: id.description, worker: worker.entry.id, body: ByteBuffer(string: text))
        exchange = worker.start(request, on: loop, receiver: self)
        if exchange == nil { finish(loop.links?.isCutOff ?? false ? .gateway : .host) }
    }

    /// The time is over, or the gateway stops.
    func giveUp() {
        exchange?.cancel()
        if case .echo = step { finish(.link) } else { finish(.timeout) }
    }

    func exchangeHead(_ head: ExchangeHead) {
        self.head = head
    }

    func exchangeBody(_ bytes: ByteBuffer) {
        guard body.readableBytes + bytes.readableBytes <= ProbeReading.mostBytes else {
            exchange?.cancel()
            return finish(.answer)
        }
        body.writeImmutableBuffer(bytes)
        guard case .known = question, case .asking = step, outcome.firstTokenAfter == nil else { return }
        if ProbeReading.hasContent(Array(body.readableBytesView)) { outcome.firstTokenAfter = since(stepAt) }
    }

    func exchangeReadComplete() {}

    func exchangeEnd() {
        exchange = nil
        guard case .asking(let endpoint) = step else {
            outcome.linkRoundTrip = since(stepAt)
            return ask(question.endpoint)
        }
        guard head?.refusal == nil else { return finish(refused) }
        outcome.status = head?.status ?? 0
        if outcome.status == 200 { return judge() }
        guard Self.refusals.contains(outcome.status) else { return finish(.runtime) }
        if question == .anything { return finish(nil) }
        if endpoint == .chatCompletions { ask(.completions) } else { finish(.runtime) }
    }

    func exchangeFailed(_ failure: ExchangeFailure) {
        exchange = nil
        switch failure {
        case .overloaded: finish(.gateway)
        case .reset, .malformed: finish(.runtime)
        case .connectFailed, .lostBeforeHead, .lostBeforeEnd, .timedOut, .cancelled: finish(worker.address == nil ? .link : .runtime)
        }
    }

    private var refused: ProbeFault {
        outcome.status = 503
        return head?.refusal == RelayRefusal.runtimeUnreachable.rawValue ? .runtime : .host
    }

    private func judge() {
        let reading = ProbeReading(Array(body.readableBytesView), to: question)
        outcome.reading = reading
        finish(reading.isWellFormed && !worker.isDrilled(.wrong) ? nil : .answer)
    }

    private func since(_ start: NIODeadline) -> Int64 { (.now() - start).nanoseconds / 1000 }

    private func finish(_ fault: ProbeFault?) {
        exchange = nil
        outcome.fault = fault
        if outcome.firstTokenAfter != nil || fault == nil { outcome.lastTokenAfter = since(stepAt) }
        let last = tell
        tell = nil
        last?(outcome)
    }
}
