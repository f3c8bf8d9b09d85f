import NIOCore

/// Everything that a simulated runtime knows. It lives on one event loop and is touched nowhere else.
final class Engine {
    var settings: SimulationSettings
    let loop: any EventLoop
    var faults = FaultPlan()
    /// Played for every request that names none itself.
    var recording: Recording?
    var isReady = false
    private(set) var tally = Tally()
    private(set) var table: SlotTable
    private let onCrash: @Sendable () -> Void
    private var live: [SlotTable.Ticket: Generation] = [:]
    private var channels: [ObjectIdentifier: any Channel] = [:]
    private var answers = 0
    private var isStopping = false
    private var idle: EventLoopPromise<Void>?

    init(settings: SimulationSettings, loop: any EventLoop, onCrash: @escaping @Sendable () -> Void) {
        self.settings = settings
        self.loop = loop
        self.onCrash = onCrash
        let cap = settings.dialect == .vllm ? settings.queueCap : nil
        table = SlotTable(slots: settings.slots, kvTokens: settings.kvTokens, cap: cap)
    }

    var metrics: MetricsPage {
        MetricsPage(settings: settings, tally: tally, running: table.running, waiting: table.waiting, kvUsed: table.kvUsed)
    }

    /// Takes a request in, or says why not. The generation, when there is one, answers through `writer` by itself.
    func submit(_ request: CompletionRequest, writer: ResponseWriter) -> Result<Generation, Rejection> {
        tally.seen += 1
        let dose = faults.dose(prompt: request.prompt)
        if dose != nil { tally.faulted += 1 }
        if let refusal = refusal(of: request, dose) { return refused(refusal) }
        let generation = Generation(request: request, dose: dose, engine: self, writer: writer, identity: identity())
        switch table.arrive(tokens: generation.tokens) {
        case .refused: return refused(.overloaded)
        case .queued(let ticket):
            take(generation, ticket)
            generation.accepted()
        case .started(let ticket):
            take(generation, ticket)
            generation.accepted()
            generation.start()
        }
        return .success(generation)
    }

    func refused(_ refusal: Refusal) -> Result<Generation, Rejection> {
        tally.refused += 1
        return .failure(Rejection(refusal: refusal))
    }

    func generated(_ tokens: Int) {
        tally.generatedTokens += tokens
        tally.decodeSteps += 1
    }

    func ended(_ generation: Generation, _ ending: Generation.Ending) {
        switch ending {
        case .finished(let byLength):
            tally.finished += 1
            if byLength { tally.endedByLength += 1 }
        case .aborted: tally.aborted += 1
        }
        guard let ticket = generation.ticket else { return }
        live[ticket] = nil
        for started in table.leave(ticket) { live[started]?.start() }
        if live.isEmpty { idle?.succeed() }
    }

    func crash() {
        onCrash()
    }

    func opened(_ channel: any Channel) {
        channels[ObjectIdentifier(channel)] = channel
    }

    func closed(_ channel: any Channel) {
        channels[ObjectIdentifier(channel)] = nil
    }

    /// Takes nothing new; the future is done when the last running request has ended.
    func drain() -> EventLoopFuture<Void> {
        isStopping = true
        let promise = loop.makePromise(of: Void.self)
        idle = promise
        if live.isEmpty { promise.succeed() }
        return promise.futureResult
    }

    /// Cuts every request and closes every connection.
    func halt() {
        isStopping = true
        for generation in live.values { generation.cut() }
        for channel in channels.values { channel.close(promise: nil) }
        idle?.succeed()
    }

    private func take(_ generation: Generation, _ ticket: SlotTable.Ticket) {
        generation.ticket = ticket
        live[ticket] = generation
        tally.promptTokens += generation.request.promptTokens
    }

    private func refusal(of request: CompletionRequest, _ dose: FaultPlan.Dose?) -> Refusal? {
        if !isReady { return .loading }
        if isStopping { return .overloaded }
        if dose?.fault == .storm503 { return .storm }
        if settings.dialect == .vllm, let model = request.model, model != settings.model { return .unknownModel(model) }
        let asked = request.promptTokens + (settings.dialect == .vllm ? request.maxTokens ?? 0 : 0)
        return asked > settings.contextTokens ? .contextExceeded(tokens: asked, context: settings.contextTokens) : nil
    }

    private func identity() -> AnswerIdentity {
        answers += 1
        let now = Int(Duration.sinceEpoch.components.seconds)
        return AnswerIdentity(id: "chatcmpl-sim-\(now)-\(answers)", created: now)
    }
}

/// A `Refusal` as an error.
struct Rejection: Error {
    let refusal: Refusal
}
