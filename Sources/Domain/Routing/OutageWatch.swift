import Synchronization

/// Tells the loss of some hosts from that of all, and holds second tries to a tenth of what comes until it knows.
///
/// When something fails nobody can tell yet whether the rest still works. A few requests are tried again at once; the others wait until one of what was
/// begun since then is answered, which takes as long as a first token where most workers are well, and are given up where such attempts fail too. One for a
/// whole gateway, whose loops share it; while answers come it costs them a look. Times are microseconds of a monotonic clock.
package final class OutageWatch: Sendable {
    package enum Trouble: Sendable, Hashable, CaseIterable {
        /// Attempts that end before a first token. A first token proves the contrary.
        case noAnswer
        /// Streams that end behind it. Only a whole answer proves the contrary.
        case brokenStream
    }

    /// How an attempt ended.
    package enum End: Sendable {
        /// Whole, or with an error that is the request's own.
        case answered
        /// Before a first token.
        case failed
        /// Behind it.
        case broken
        /// Nobody waits for it any more, or no runtime was asked.
        case cancelled
    }

    /// What may become of a request that failed.
    package enum Move: Sendable {
        case now
        /// Ask again when there is news.
        case later
        case never
    }

    private struct Name: Hashable {
        var model: String
        var trouble: Trouble
    }

    /// Since a failure, until an answer to something that was begun later. What was under way before says nothing of the others.
    private struct Row {
        let since: Int64
        /// Which failed first, and all that failed.
        let host: String
        var hosts: Set<String>
        var failedAt: Int64
        /// When a second try was allowed last.
        var movedAt = Int64.min / 2
        /// Attempts that began since then and have come to nothing yet, nor to anything.
        var pending = 0
        var failed = 0
        /// So many answers more than failures must come.
        var deficit = 0
        var spare = OutageWatch.spare

        init(since: Int64, host: String) { (self.since, self.host, hosts, failedAt) = (since, host, [host], since) }

        /// Experience weighs more than what is still awaited; what one host does, however often, says nothing of the others.
        var isHopeless: Bool { failed >= 3 && pending * 3 <= failed && hosts.count > 1 }

        /// What was tried again came to nothing and brought no news, as when nobody could be reached: somebody must look, or those who wait do so in vain.
        func needsScout(now: Int64) -> Bool { pending == 0 && now - max(failedAt, movedAt) >= OutageWatch.scoutAfter }

        mutating func fail(now: Int64) {
            failedAt = now
            pending = max(pending - 1, 0)
            failed += 1
            deficit = min(deficit + 1, OutageWatch.mostDeficit)
        }

        /// False: the trouble is over.
        mutating func answer() -> Bool {
            guard deficit > 0 else { return false }
            pending = max(pending - 1, 0)
            failed /= 2
            deficit -= 1
            return true
        }
    }

    /// Second tries of a model that are allowed however little comes: as many as one request may make.
    package static let spare = 3
    private static let answeredShare = 2
    private static let mostDeficit = 8
    private static let mostHosts = 64
    private static let manyHosts = 3
    private static let mostModels = 256
    /// When nobody new has failed for so long, tokens of older streams show that their hosts live.
    private static let quiet: Int64 = 500_000

    /// One second try goes ahead of the others when there was no news, and nobody was asked, for so long.
    private static let scoutAfter: Int64 = 1_000_000

    private let rows = Mutex<[Name: Row]>([:])
    /// By model. Answers do not clear it.
    private let losses = Mutex<[String: RecentLosses]>([:])
    private let isQuiet = Atomic<Bool>(true)
    private let budget = RetryBudget()

    package init() {}

    /// Every model is answered, as far as is known.
    package var isCalm: Bool { isQuiet.load(ordering: .relaxed) }

    /// A request is tried for the first time.
    package func noteRequest(now: Int64) { budget.noteRequest(now: now) }

    /// An attempt begins.
    package func began(_ model: String) {
        guard !isCalm else { return }
        change { rows in
            for trouble in Trouble.allCases { rows[Name(model: model, trouble: trouble)]?.pending += 1 }
        }
    }

    /// Tokens came.
    ///
    /// - Parameters:
    ///   - isFirst: They are the attempt's first.
    ///   - began: When the attempt was.
    package func token(_ model: String, isFirst: Bool, began: Int64, now: Int64) {
        guard !isCalm else { return }
        let name = Name(model: model, trouble: .noAnswer)
        change { rows in
            guard let row = rows[name] else { return }
            if began >= row.since {
                if isFirst { Self.answered(&rows, name) }
            } else if row.deficit == 0, now - row.failedAt >= Self.quiet {
                rows[name] = nil
            }
        }
    }

    /// - Parameter hadToken: A first token was told by `token`.
    package func ended(_ model: String, _ end: End, host: String, hadToken: Bool, began: Int64, now: Int64) {
        let isFault = end == .failed || end == .broken
        guard isFault || !isCalm else { return }
        change { rows in
            if !hadToken { Self.settle(&rows, Name(model: model, trouble: .noAnswer), end == .broken ? .cancelled : end, host, began, now) }
            Self.settle(&rows, Name(model: model, trouble: .brokenStream), end == .failed ? .cancelled : end, host, began, now)
        }
    }

    /// Another host was lost while this one's attempt was under way already, or this one had been lost before, or many have been: it is not of what was
    /// asked. To be asked before the end of the attempt is told.
    ///
    /// - Parameters:
    ///   - own: Hosts that this request has lost, this one among them.
    ///   - content: What it says, as for `noteLoss`: what its copies alone have lost is not the loss of many.
    package func isLossOfMany(_ model: String, host: String, own: [String], content: Int? = nil, began: Int64, now: Int64) -> Bool {
        if areManyLost(model, besides: own, content: content, now: now) { return true }
        guard !isCalm, let row = rows.withLock({ $0[Name(model: model, trouble: .noAnswer)] }) else { return false }
        let copies = content.flatMap { content in losses.withLock { $0[model]?.hosts(of: content, now: now) } } ?? []
        let hosts = row.hosts.subtracting(copies)
        if hosts.count >= Self.manyHosts { return true }
        return host != row.host && hosts.contains(row.host) && (began < row.since || hosts.contains(host))
    }

    /// Three and more hosts that no request is known to have brought down were lost in the last ten seconds.
    ///
    /// - Parameters:
    ///   - own: Of these nothing is known yet.
    ///   - content: Nor of those that were lost with requests of this content alone.
    package func areManyLost(_ model: String, besides own: [String], content: Int? = nil, now: Int64) -> Bool {
        losses.withLock { $0[model]?.count(besides: own, content: content, now: now) ?? 0 } >= Self.manyHosts
    }

    /// A host, or the runtime on it, was lost while it was asked.
    ///
    /// - Parameter content: The same for all requests of one tenant that say the same; nil: what was asked has nothing to do with it.
    package func noteLoss(_ model: String, host: String, content: Int? = nil, now: Int64) {
        losses.withLock { losses in
            if losses[model] == nil, losses.count >= Self.mostModels { losses = losses.filter { !$0.value.isOver(now: now) } }
            guard losses[model] != nil || losses.count < Self.mostModels else { return }
            losses[model, default: RecentLosses()].note(host, content: content, now: now)
        }
    }

    /// One request brought them all down.
    package func explainLosses(_ model: String, of hosts: [String]) {
        losses.withLock { $0[model]?.explain(hosts) }
    }

    /// Whether a request that failed may be tried once more; counts it, if it may.
    ///
    /// - Parameters:
    ///   - isPaid: It is free, or its tenant's budget has paid. Else the gateway's must, also when the trouble is over; as others are answered then, it may
    ///     have half of what comes in ten seconds: no customer hears of a worker that fails with its part of them, and workers that fail and answer by turns
    ///     are not asked twice for everything.
    ///   - awaitsNews: Not before somebody has been answered since, unless nobody is asked who could be.
    package func takeMove(_ model: String, _ trouble: Trouble, isPaid: Bool = true, awaitsNews: Bool = false, now: Int64) -> Move {
        func calm() -> Move { isPaid || budget.takeRetry(minimum: Self.spare, share: Self.answeredShare, now: now) ? .now : .later }
        guard !isCalm else { return calm() }
        let name = Name(model: model, trouble: trouble)
        return rows.withLock { rows in
            guard let row = rows[name] else { return calm() }
            if awaitsNews, row.isHopeless { return .never }
            if awaitsNews, row.pending > 0 { return .later }
            if !budget.takeRetry(minimum: 0, now: now) {
                guard row.spare > 0 || !row.isHopeless && row.needsScout(now: now) else { return row.isHopeless ? .never : .later }
                rows[name]?.spare = max(row.spare - 1, 0)
                budget.noteRetry(now: now)
            }
            rows[name]?.movedAt = now
            return .now
        }
    }

    private func change(_ body: (inout [Name: Row]) -> Void) {
        rows.withLock { rows in
            body(&rows)
            isQuiet.store(rows.isEmpty, ordering: .relaxed)
        }
    }

    private static func answered(_ rows: inout [Name: Row], _ name: Name) {
        if rows[name]?.answer() == false { rows[name] = nil }
    }

    private static func settle(_ rows: inout [Name: Row], _ name: Name, _ end: End, _ host: String, _ began: Int64, _ now: Int64) {
        guard let row = rows[name] else {
            if end == .failed || end == .broken { rows[name] = Row(since: now, host: host) }
            return
        }
        if end == .failed || end == .broken, row.hosts.count < Self.mostHosts { rows[name]?.hosts.insert(host) }
        guard began >= row.since else { return }
        switch end {
        case .answered: answered(&rows, name)
        case .failed, .broken: rows[name]?.fail(now: now)
        case .cancelled: rows[name]?.pending = max(row.pending - 1, 0)
        }
    }
}
