/// Customers on one thread: in a closed loop each asks again when its answer is complete; in an open one whoever is idle asks when a request is
/// due, so that a slow answer delays no other and hides none.
struct LoadLoop {
    private let plan: LoadPlan
    private let poller: Poller
    private let buffer = ReceiveBuffer()
    /// By descriptor.
    private var connections: [LoadConnection?] = []
    /// Of an open loop.
    private var idle: [LoadConnection] = []
    private var begun = 0
    private var open = 0
    private var asked = 0
    private(set) var tally = LoadTally()

    init(_ plan: LoadPlan) throws {
        self.plan = plan
        poller = try Poller()
    }

    private var isOpenLoop: Bool { plan.rate != nil }

    private var isOver: Bool {
        guard isOpenLoop else { return begun >= plan.connections && open == 0 }
        return isLate(asked) && open == idle.count
    }

    /// This request of an open loop is not to begin any more.
    private func isLate(_ number: Int) -> Bool { number >= plan.most || plan.due(number) >= plan.ends }

    mutating func run() throws {
        while !isOver {
            let now = Moment.now
            guard now < plan.givesUp else { return tally.lost += open - idle.count }
            if isOpenLoop { try askDue(now) } else { try begin(now) }
            // All may have been refused.
            if !isOver { serve(until: next) }
        }
    }

    private var next: Moment {
        if isOpenLoop { return isLate(asked) ? plan.givesUp : plan.due(asked) }
        return begun < plan.connections ? plan.opens(begun) : plan.givesUp
    }

    private mutating func serve(until time: Moment) {
        for index in 0..<poller.wait(until: time) { handle(poller[index]) }
    }

    private mutating func begin(_ now: Moment) throws {
        while begun < plan.connections, plan.opens(begun) <= now { ask(try connect()) }
    }

    private mutating func askDue(_ now: Moment) throws {
        while !isLate(asked), plan.due(asked) <= now {
            guard let connection = try idle.popLast() ?? (open < plan.connections ? connect() : nil) else {
                // Nobody is left to ask: that is the answer.
                tally.lost += 1
                asked += 1
                continue
            }
            ask(connection, due: plan.due(asked))
        }
    }

    private mutating func connect() throws -> LoadConnection {
        let socket = try Socket.connecting(port: plan.port)
        let index = Int(socket.descriptor)
        if index >= connections.count { connections += Array(repeating: nil, count: index + 64 - connections.count) }
        let connection = LoadConnection(socket, number: begun, tokens: plan.tokens)
        connections[index] = connection
        poller.add(socket)
        begun += 1
        open += 1
        return connection
    }

    private mutating func handle(_ event: Poller.Event) {
        guard let connection = connections[event.descriptor] else { return }
        if event.canWrite, !connection.outlet.flush(poller) { return lose(connection) }
        guard event.canRead else { return }
        guard let bytes = buffer.receive(from: connection.outlet.socket) else { return lose(connection) }
        guard connection.read(bytes, &tally) else { return }
        if isOpenLoop { return idle.append(connection) }
        if asked < plan.most, Moment.now < plan.ends { ask(connection) } else { close(connection) }
    }

    private mutating func ask(_ connection: LoadConnection, due: Moment = .now) {
        asked += 1
        if !connection.ask(plan.requests, due: due, poller) { lose(connection) }
    }

    private mutating func lose(_ connection: LoadConnection) {
        // Nobody waited on an idle one.
        if let place = idle.firstIndex(where: { $0 === connection }) { idle.remove(at: place) } else { tally.lost += 1 }
        close(connection)
    }

    private mutating func close(_ connection: LoadConnection) {
        connections[Int(connection.outlet.socket.descriptor)] = nil
        connection.outlet.socket.close()
        open -= 1
    }
}
