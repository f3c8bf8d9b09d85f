/// Serves all ports on one thread, until the process is told to end.
struct UpstreamLoop {
    private let poller: Poller
    private let buffer = ReceiveBuffer()
    private let ports: [(socket: Socket, answers: UpstreamAnswers)]
    private let pause: (first: Double, gap: Double)
    /// By descriptor.
    private var connections: [UpstreamConnection?] = []
    private var due = DueSteps()
    private var streams = 0
    /// Of paces that were asked for.
    private var paced: [UpstreamAnswers] = []

    /// `first` and `gap`: milliseconds to the first token of a stream and between its tokens.
    init(ports: [(socket: Socket, answers: UpstreamAnswers)], first: Double, gap: Double) throws {
        poller = try Poller()
        self.ports = ports
        pause = (first, gap)
        for port in ports { poller.add(port.socket) }
    }

    mutating func run() throws -> Never {
        while true {
            for index in 0..<poller.wait(until: due.next ?? .now.after(milliseconds: 1000)) { try handle(poller[index]) }
            let now = Moment.now
            while let step = due.pop(at: now) { send(step) }
        }
    }

    private mutating func handle(_ event: Poller.Event) throws {
        if let port = ports.first(where: { $0.socket.descriptor == event.descriptor }) { return try accept(port.socket, port.answers) }
        guard event.descriptor < connections.count, let connection = connections[event.descriptor] else { return }
        if event.canWrite, !connection.outlet.flush(poller) { return close(connection) }
        guard event.canRead else { return }
        guard let bytes = buffer.receive(from: connection.outlet.socket) else { return close(connection) }
        if let request = connection.read(bytes) { answer(request, connection) }
    }

    private mutating func accept(_ port: Socket, _ answers: UpstreamAnswers) throws {
        while let socket = try port.accepted() {
            let index = Int(socket.descriptor)
            if index >= connections.count { connections += Array(repeating: nil, count: index + 64 - connections.count) }
            connections[index] = UpstreamConnection(socket, answers: answers)
            poller.add(socket)
        }
    }

    private mutating func answer(_ request: RequestReader.Request, _ connection: UpstreamConnection) {
        switch request {
        case .whole: send(connection.answers.whole, connection)
        case .models: send(connection.answers.models, connection)
        case .health: send(connection.answers.health, connection)
        case .stream(let wantsUsage, let pace):
            streams += 1
            let answers = pace.map { paced(connection.answers.model, tokens: $0.tokens) } ?? connection.answers
            connection.stream = UpstreamConnection.Stream(
                number: streams, wantsUsage: wantsUsage, answers: answers, gap: pace?.gap ?? pause.gap)
            plan(connection, at: .now.after(milliseconds: pace?.first ?? pause.first), stream: streams)
        }
    }

    private mutating func paced(_ model: String, tokens: Int) -> UpstreamAnswers {
        if let known = paced.first(where: { $0.model == model && $0.tokens == tokens }) { return known }
        let made = UpstreamAnswers(model: model, tokens: tokens, wholeTokens: 1)
        paced.append(made)
        return made
    }

    private mutating func plan(_ connection: UpstreamConnection, at time: Moment, stream: Int) {
        due.add(DueSteps.Step(time: time, descriptor: Int(connection.outlet.socket.descriptor), stream: stream))
    }

    private mutating func send(_ step: DueSteps.Step) {
        guard let connection = connections[step.descriptor], let stream = connection.stream, stream.number == step.stream,
            let bytes = connection.nextStep()
        else { return }
        send(bytes, connection)
        // From the time that was meant, so that a late step does not delay all that follow.
        if connection.stream != nil { plan(connection, at: step.time.after(milliseconds: stream.gap), stream: step.stream) }
    }

    private mutating func send(_ bytes: [UInt8], _ connection: UpstreamConnection) {
        if !connection.outlet.send(bytes, poller) { close(connection) }
    }

    private mutating func close(_ connection: UpstreamConnection) {
        connection.stream = nil
        connections[Int(connection.outlet.socket.descriptor)] = nil
        connection.outlet.socket.close()
    }
}
