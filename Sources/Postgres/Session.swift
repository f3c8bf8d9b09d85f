import CLibpq
import Glibc

/// A libpq connection in non-blocking mode, used by one thread at a time. Every wait has a deadline and looks up when the caller gives up.
final class Session {
    let handle: OpaquePointer
    private let wakeUp: WakeUp
    /// Beyond the server's own limit, for a network that swallows its answer.
    private let patience: Duration
    private var deadline = ContinuousClock.now
    private(set) var wasCancelled = false
    private var hasAskedToStop = false
    private var cancellation: CancelRequest?

    /// Blocks until connected; libpq bounds the time for each host.
    init(configuration: PostgresConfiguration, wakeUp: WakeUp) throws(PostgresError) {
        let parameters = configuration.connectionParameters
        guard let handle = Self.connect(parameters) else { throw PostgresError(.connectionFailed, "libpq has no memory") }
        self.handle = handle
        self.wakeUp = wakeUp
        let limit = configuration.statementTimeout
        patience = (limit == .zero ? .seconds(3_600) : limit) + .seconds(5)
        guard PQstatus(handle) == CONNECTION_OK, PQsetnonblocking(handle, 1) == 0 else { throw ConnectionFailure.error(of: handle) }
        // The server's notices may quote values.
        PQsetNoticeReceiver(handle, { _, _ in }, nil)
    }

    deinit {
        PQfinish(handle)
    }

    var isOpen: Bool { PQstatus(handle) == CONNECTION_OK }

    private static func connect(_ parameters: [(keyword: String, value: String)]) -> OpaquePointer? {
        let keywords = parameters.map { strdup($0.keyword) }
        let values = parameters.map { strdup($0.value) }
        defer { (keywords + values).forEach { free($0) } }
        var keywordPointers: [UnsafePointer<CChar>?] = keywords.map { UnsafePointer($0) } + [nil]
        var valuePointers: [UnsafePointer<CChar>?] = values.map { UnsafePointer($0) } + [nil]
        return PQconnectdbParams(&keywordPointers, &valuePointers, 1)
    }

    /// - Parameter limit: Shorter than the session's own, for what must be quick.
    func run(_ sql: SQL, within limit: Duration? = nil) throws(PostgresError) -> PostgresResult {
        begin()
        if let limit { deadline = min(deadline, .now + limit) }
        try send(sql)
        return try lastResult()
    }

    func script(_ text: String) throws(PostgresError) {
        begin()
        guard PQsendQuery(handle, text) == 1 else { throw .lost }
        _ = try lastResult()
    }

    /// Starts the clock of one piece of work and forgets cancellations of earlier ones.
    func begin() {
        deadline = .now + patience
        wasCancelled = false
        hasAskedToStop = false
        wakeUp.clear()
    }

    func send(_ sql: SQL) throws(PostgresError) {
        let (text, values) = sql.rendered()
        let parameters = values.map { Parameter($0) }
        defer { parameters.forEach { free($0.copy) } }
        let isSent = PQsendQueryParams(
            handle, text, Int32(values.count), parameters.map(\.type), parameters.map { UnsafePointer($0.copy) }, parameters.map(\.length),
            parameters.map(\.format), 0)
        guard isSent == 1 else { throw .lost }
    }

    private struct Parameter {
        /// Of `bytea`; the server finds the type of a text.
        private static let bytea: Oid = 17

        var copy: UnsafeMutablePointer<CChar>?
        var (type, length, format): (Oid, Int32, Int32) = (0, 0, 0)

        init(_ value: SQLValue) {
            switch value.form {
            case .null: break
            case .text(let text): copy = strdup(text)
            case .bytes(let bytes):
                // Without any it is no NULL.
                copy = malloc(max(bytes.count, 1))?.assumingMemoryBound(to: CChar.self)
                bytes.withUnsafeBytes { bytes in
                    if let copy, let first = bytes.baseAddress { memcpy(copy, first, bytes.count) }
                }
                (type, length, format) = (Self.bytea, Int32(bytes.count), 1)
            }
        }
    }

    /// Reads results up to the end of the statement and answers the last; the first refusal wins.
    func lastResult() throws(PostgresError) -> PostgresResult {
        var last: PostgresResult?
        var refusal: PostgresError?
        while let result = try nextResult() {
            if refusal == nil { refusal = result.refusal(wasCancelled: wasCancelled) }
            last = result
            // COPY answers the same state until its data ended.
            if result.status == PGRES_COPY_IN { break }
        }
        if let refusal { throw refusal }
        guard let last else { throw .lost }
        return last
    }

    /// Nil at the end of a statement.
    func nextResult() throws(PostgresError) -> PostgresResult? {
        var unsent = try flush()
        while PQisBusy(handle) == 1 {
            try wait(forWriting: unsent)
            unsent = try flush()
        }
        return PQgetResult(handle).map { PostgresResult($0) }
    }

    /// True while the socket takes no more.
    func flush() throws(PostgresError) -> Bool {
        switch PQflush(handle) {
        case 0: return false
        case 1: return true
        default: throw .lost
        }
    }

    /// Waits for the socket. Asks the server to stop when the caller gives up or the deadline passes, and drops it when that does not help.
    func wait(forWriting: Bool) throws(PostgresError) {
        switch poll(forWriting: forWriting, until: deadline) {
        case .readable:
            guard PQconsumeInput(handle) == 1 else { throw .lost }
        case .writable:
            return
        case .woken:
            wasCancelled = true
            if !hasAskedToStop { askToStop() }
        case .late:
            guard !hasAskedToStop else { throw PostgresError(.connectionLost, "the server did not answer in time") }
            askToStop()
        }
    }

    private func askToStop() {
        hasAskedToStop = true
        deadline = min(deadline, .now) + .seconds(3)
        // Its failure needs no care: the deadline that was set above ends the wait.
        cancellation = CancelRequest.send(for: handle)
    }

    enum Event {
        case readable
        case writable
        case woken
        case late
    }

    func poll(forWriting: Bool, until limit: ContinuousClock.Instant) -> Event {
        let left = limit - .now
        let milliseconds = max(0, left.components.seconds * 1_000 + left.components.attoseconds / 1_000_000_000_000_000)
        var descriptors = [
            pollfd(fd: PQsocket(handle), events: Int16(POLLIN) | (forWriting ? Int16(POLLOUT) : 0), revents: 0),
            pollfd(fd: wakeUp.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        let ready = Glibc.poll(&descriptors, 2, Int32(min(milliseconds + 1, 60_000)))
        if ready > 0, descriptors[1].revents != 0 {
            wakeUp.clear()
            return .woken
        }
        if ready > 0, descriptors[0].revents & ~Int16(POLLOUT) != 0 { return .readable }
        if ready > 0 { return .writable }
        return .now >= limit ? .late : .writable
    }

    /// Looks at the socket without waiting. A server says nothing to an idle session unless it is ending it; what else it may say is worth
    /// no risk. A request to stop that is still on its way could hit the next statement.
    func isIdleAndOpen() -> Bool {
        guard cancellation?.hasEnded != false else { return false }
        cancellation = nil
        var descriptor = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
        return isOpen && PQtransactionStatus(handle) == PQTRANS_IDLE && Glibc.poll(&descriptor, 1, 0) == 0
    }
}
