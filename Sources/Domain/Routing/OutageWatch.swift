/// Tells when everybody fails, before each worker has failed often enough to be known for it, and holds second tries below a tenth of what comes then.
///
/// One for each event loop. While answers come it costs a look and an addition a request. Times are microseconds of a monotonic clock.
package struct OutageWatch: Sendable {
    /// Failures of one model without an answer between.
    private struct Row: Sendable {
        let since: Int64
        var hosts: Set<String>
        var failed = 1
        /// Attempts that began since then and have neither failed nor brought anything.
        var pending = 0

        /// So many different hosts failed what was asked of them since the first failure, and hope is less than experience. What was under way when a
        /// provider was lost says nothing of the others.
        var isOutage: Bool { hosts.count >= 3 && pending <= failed }
    }

    private struct Second: Sendable {
        var number: Int64 = -1
        var requests = 0
        var moves = 0
    }

    /// Second tries of all tenants within ten seconds that are allowed however little came: as many as one request may make.
    package static let minimum = 3
    private static let seconds = 10
    private static let mostHosts = 64

    private var rows: [String: Row] = [:]
    private var counts = InlineArray<10, Second>(repeating: Second())

    package init() {}

    /// Every model is answered, as far as is known.
    package var isCalm: Bool { rows.isEmpty }

    /// A request is tried for the first time.
    package mutating func noteRequest(now: Int64) { counts[place(now)].requests += 1 }

    /// An attempt begins.
    package mutating func began(_ model: String) {
        guard !isCalm else { return }
        rows[model]?.pending += 1
    }

    /// Something of an answer came, or an error that is the request's own.
    package mutating func answered(_ model: String) {
        guard !isCalm else { return }
        rows[model] = nil
    }

    /// Nobody waits for it any more.
    package mutating func cancelled(_ model: String, began: Int64) {
        guard !isCalm, let row = rows[model], began >= row.since else { return }
        rows[model]?.pending -= 1
    }

    package mutating func failed(_ model: String, host: String, began: Int64, now: Int64) {
        guard let row = rows[model] else {
            rows[model] = Row(since: now, hosts: [host])
            return
        }
        guard began >= row.since else { return }
        rows[model]?.pending -= 1
        rows[model]?.failed += 1
        if row.hosts.count < Self.mostHosts { rows[model]?.hosts.insert(host) }
    }

    /// Whether a request that failed may be tried once more; counts it, if it may.
    package mutating func takeMove(_ model: String, now: Int64) -> Bool {
        let place = place(now)
        if rows[model]?.isOutage ?? false {
            let second = now / 1_000_000
            var (requests, moves) = (0, 0)
            for index in 0..<Self.seconds where second - counts[index].number < Int64(Self.seconds) {
                requests += counts[index].requests
                moves += counts[index].moves
            }
            guard moves < max(Self.minimum, requests / 10) else { return false }
        }
        counts[place].moves += 1
        return true
    }

    private mutating func place(_ now: Int64) -> Int {
        let second = now / 1_000_000
        let place = Int(second % Int64(Self.seconds))
        if counts[place].number != second { counts[place] = Second(number: second) }
        return place
    }
}
