import PlimsollWire

/// Which workers are in rotation for those who ask, looked for once in a turn of a queue, however many requests wait. Not kept longer than that turn.
struct RotationView {
    /// Requests of one name may use the same workers, but for hosts that each of them has tried.
    private struct Name: Hashable {
        let lane: ObjectIdentifier
        let contextClass: Int
        let release: String?
    }

    private struct Found {
        /// Held, so that no other lane comes to its place in memory.
        let lane: RouteLane
        /// Different ones, as far as they are wanted.
        let hosts: [String]
    }

    /// One host more than a request tries, so that one that it has not tried is among them if there is any.
    private static let wanted = RelayedRequest.attemptLimit + 1

    private var found: [Name: Found] = [:]

    /// A worker of the lane that the request may use can be reached and is in rotation.
    mutating func hasFresh(_ question: Router.Question, in lane: RouteLane) -> Bool {
        guard question.triedHosts.count < Self.wanted else { return lane.workers.contains { Self.isFresh($0, question) } }
        let name = Name(lane: ObjectIdentifier(lane), contextClass: lane.contextClass(of: question.contextTokens), release: question.release)
        if found[name] == nil { found[name] = Found(lane: lane, hosts: Self.hosts(for: question, in: lane)) }
        return found[name]?.hosts.contains { !question.triedHosts.contains($0) } ?? false
    }

    /// The same of the lane where the request may go.
    mutating func hasFresh(_ question: Router.Question) -> Bool {
        if isServedByScore(question) { return true }
        return question.rules.isPaid && hasFresh(question, in: question.model.lane(question.rules.withoutScores))
    }

    /// The same of those that its rules allow, whose providers' scores allow a promise that pays where it is one.
    mutating func isServedByScore(_ question: Router.Question) -> Bool { hasFresh(question, in: question.model.lane(question.rules)) }

    private static func hosts(for question: Router.Question, in lane: RouteLane) -> [String] {
        var anybodys = question
        anybodys.triedHosts = []
        var hosts: [String] = []
        for worker in lane.workers where isFresh(worker, anybodys) && !hosts.contains(worker.entry.host) {
            hosts.append(worker.entry.host)
            if hosts.count == wanted { break }
        }
        return hosts
    }

    private static func isFresh(_ worker: Worker, _ question: Router.Question) -> Bool { question.canUse(worker) && !worker.tally.isAvoided }
}
