import Domain
import Exchange
import HTTPWire
import NIOCore
import OpenAIWire
import PlimsollWire

/// Looks once a second for workers that do not move, and probes those whose time out of rotation is over. Lives on one of the loops.
final class FleetSweeper {
    private static let period: Int64 = 1_000_000

    private let book: WorkerBook
    private var last: Int64 = 0
    private var probes: [String: HealthProbe] = [:]

    init(_ book: WorkerBook) {
        self.book = book
    }

    func tick(_ now: NIODeadline, _ loop: GatewayLoop) {
        guard now.microseconds - last >= Self.period else { return }
        last = now.microseconds
        for probe in probes.values where now >= probe.deadline { probe.giveUp() }
        for id in book.watch.sweep(now: last) { probe(id, loop) }
        book.watch.metrics.show(modelsWithoutWorkers: loop.directory.modelsWithoutWorkers)
    }

    func stop() {
        for probe in probes.values { probe.giveUp() }
    }

    private func probe(_ id: String, _ loop: GatewayLoop) {
        guard let worker = book.worker(id: id) else { return }
        let probe = HealthProbe(worker) { [weak self, book] succeeded in
            self?.probes[id] = nil
            book.watch.probed(id, succeeded: succeeded, now: NIODeadline.now().microseconds)
        }
        probes[id] = probe
        probe.start(loop)
    }
}

/// A request of the gateway's own for one token: what a worker on trial must answer before a customer's request goes there again.
final class HealthProbe: ExchangeReceiver {
    private static let time = TimeAmount.seconds(20)
    private static let mostBytes = 64 * 1024

    let deadline: NIODeadline
    private let worker: Worker
    private var tell: ((Bool) -> Void)?
    private var exchange: (any RunningExchange)?
    private var status = 0
    private var body = ByteBuffer()

    init(_ worker: Worker, tell: @escaping (Bool) -> Void) {
        self.worker = worker
        self.tell = tell
        deadline = .now() + Self.time
    }

    func start(_ loop: GatewayLoop) {
        let name = String(decoding: worker.quotedServedModel ?? BodyEdit.quoted(worker.entry.model), as: UTF8.self)
        let body = #"{"model":\#(name),"messages":[{"role":"user","content":"Hello"}],"max_tokens":1,"temperature":0,"stream":false}"#
        let id = RequestId(milliseconds: LoopClock.wallMicroseconds() / 1000, using: &loop.random)
        let request = ExchangeRequest(
            path: GenerationEndpoint.chatCompletions.runtimePath, requestId: id.description, worker: worker.entry.id, body: ByteBuffer(string: body))
        exchange = worker.start(request, on: loop, receiver: self)
        if exchange == nil { finish(false) }
    }

    func giveUp() {
        exchange?.cancel()
        finish(false)
    }

    func exchangeHead(_ head: ExchangeHead) {
        status = head.refusal == nil ? head.status : 503
    }

    func exchangeBody(_ bytes: ByteBuffer) {
        guard body.readableBytes + bytes.readableBytes <= Self.mostBytes else { return giveUp() }
        body.writeImmutableBuffer(bytes)
    }

    func exchangeReadComplete() {}

    /// A refusal of the request's form, as a model without chat gives it, comes from a runtime that works.
    func exchangeEnd() {
        switch status {
        case 200: finish(body.withUnsafeReadableBytes { AnswerScan.scan($0) }.map { $0.error == nil } ?? false)
        case 400, 404, 405, 422, 501: finish(true)
        default: finish(false)
        }
    }

    func exchangeFailed(_ failure: ExchangeFailure) { finish(false) }

    private func finish(_ succeeded: Bool) {
        exchange = nil
        let last = tell
        tell = nil
        last?(succeeded)
    }
}
