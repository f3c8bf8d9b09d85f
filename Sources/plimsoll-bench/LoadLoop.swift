/// Customers in a closed loop on one thread: each asks again when its answer is complete.
struct LoadLoop {
    private let plan: LoadPlan
    private let poller: Poller
    private let buffer = ReceiveBuffer()
    /// By descriptor.
    private var connections: [LoadConnection?] = []
    private var begun = 0
    private var open = 0
    private(set) var tally = LoadTally()

    init(_ plan: LoadPlan) throws {
        self.plan = plan
        poller = try Poller()
    }

    private var isOver: Bool { begun >= plan.connections && open == 0 }

    mutating func run() throws {
        while !isOver {
            let now = Moment.now
            guard now < plan.givesUp else { return tally.lost += open }
            try begin(now)
            // All may have been refused.
            if !isOver { serve(until: begun < plan.connections ? plan.opens(begun) : plan.givesUp) }
        }
    }

    private mutating func serve(until time: Moment) {
        for index in 0..<poller.wait(until: time) { handle(poller[index]) }
    }

    private mutating func begin(_ now: Moment) throws {
        while begun < plan.connections, plan.opens(begun) <= now {
            let socket = try Socket.connecting(port: plan.port)
            let index = Int(socket.descriptor)
            if index >= connections.count { connections += Array(repeating: nil, count: index + 64 - connections.count) }
            let connection = LoadConnection(socket, number: begun, tokens: plan.tokens)
            connections[index] = connection
            poller.add(socket)
            begun += 1
            open += 1
            ask(connection)
        }
    }

    private mutating func handle(_ event: Poller.Event) {
        guard let connection = connections[event.descriptor] else { return }
        if event.canWrite, !connection.outlet.flush(poller) { return lose(connection) }
        guard event.canRead else { return }
        guard let bytes = buffer.receive(from: connection.outlet.socket) else { return lose(connection) }
        guard connection.read(bytes, &tally) else { return }
        if Moment.now < plan.ends { ask(connection) } else { close(connection) }
    }

    private mutating func ask(_ connection: LoadConnection) {
        if !connection.ask(plan.requests, poller) { lose(connection) }
    }

    private mutating func lose(_ connection: LoadConnection) {
        tally.lost += 1
        close(connection)
    }

    private mutating func close(_ connection: LoadConnection) {
        connections[Int(connection.outlet.socket.descriptor)] = nil
        connection.outlet.socket.close()
        open -= 1
    }
}
