/// Who holds the pool's connections and who waits for one: decisions only, nothing is opened, closed or resumed here.
struct PoolState {
    enum Grant: Sendable {
        /// A connection that was idle.
        case idle(PostgresConnection)
        /// The right to open one.
        case permission
    }

    struct Waiter {
        let number: UInt64
        let continuation: CheckedContinuation<Grant, any Error>
    }

    enum Request {
        case granted(Grant)
        case refused(PostgresError)
        case waiting(number: UInt64)
    }

    private struct Idle {
        let connection: PostgresConnection
        let since: ContinuousClock.Instant
    }

    private let maximumConnections: Int
    private let maximumWaiters: Int
    /// The last one is used first, so that the others can grow old and go.
    private var idle: [Idle] = []
    private var waiters: [Waiter] = []
    /// Numbers given out by `request` and not settled; true once such a wait was given up before it was entered.
    private var unsettled: [UInt64: Bool] = [:]
    private var taken = 0
    private var nextNumber: UInt64 = 0
    private(set) var isClosed = false

    init(maximumConnections: Int, maximumWaiters: Int) {
        self.maximumConnections = max(1, maximumConnections)
        self.maximumWaiters = maximumWaiters
    }

    /// Connections that are open or may be opened now.
    var size: Int { taken + idle.count }

    mutating func request() -> Request {
        guard !isClosed else { return .refused(.poolClosed) }
        if let found = idle.popLast() {
            taken += 1
            return .granted(.idle(found.connection))
        }
        if taken < maximumConnections {
            taken += 1
            return .granted(.permission)
        }
        guard waiters.count < maximumWaiters else { return .refused(.poolExhausted) }
        nextNumber += 1
        unsettled[nextNumber] = false
        return .waiting(number: nextNumber)
    }

    /// Answers at once when something became free, or the wait was given up, between `request` and this.
    mutating func enter(_ waiter: Waiter) -> Result<Grant, PostgresError>? {
        if unsettled[waiter.number] != false { return .failure(PostgresError(.cancelled, "the caller gave up")) }
        if isClosed { return .failure(.poolClosed) }
        if case .granted(let grant) = request(isFirstInLine: waiters.isEmpty) { return .success(grant) }
        waiters.append(waiter)
        return nil
    }

    private mutating func request(isFirstInLine: Bool) -> Request {
        guard isFirstInLine, !idle.isEmpty || taken < maximumConnections else { return .waiting(number: 0) }
        return request()
    }

    /// Takes a waiter out of the line; nil when it was served already or has not been entered yet.
    mutating func abandon(_ number: UInt64) -> Waiter? {
        guard let index = waiters.firstIndex(where: { $0.number == number }) else {
            if unsettled[number] != nil { unsettled[number] = true }
            return nil
        }
        return waiters.remove(at: index)
    }

    /// The wait came to its end; giving it up has no effect from now on.
    mutating func settle(_ number: UInt64) {
        unsettled[number] = nil
    }

    enum Release {
        case hand(Waiter, Grant)
        case kept
        case close
    }

    /// Gives back a connection, or with nil the right to open one.
    mutating func release(_ connection: PostgresConnection?, now: ContinuousClock.Instant) -> Release {
        if !waiters.isEmpty, !isClosed {
            return .hand(waiters.removeFirst(), connection.map { .idle($0) } ?? .permission)
        }
        taken -= 1
        guard let connection, !isClosed else { return .close }
        idle.append(Idle(connection: connection, since: now))
        return .kept
    }

    /// Removes connections that nobody used since then, but leaves one.
    mutating func trim(olderThan limit: ContinuousClock.Instant) -> [PostgresConnection] {
        var removed: [PostgresConnection] = []
        while size > 1, let oldest = idle.first, oldest.since < limit {
            removed.append(idle.removeFirst().connection)
        }
        return removed
    }

    mutating func close() -> (connections: [PostgresConnection], waiters: [Waiter]) {
        isClosed = true
        defer {
            idle = []
            waiters = []
        }
        return (idle.map(\.connection), waiters)
    }
}

extension PostgresError {
    static let poolClosed = PostgresError(.poolClosed, "the pool is closed")
    static let poolExhausted = PostgresError(.poolExhausted, "no connection became free in time")
}
