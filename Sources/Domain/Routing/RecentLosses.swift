/// Hosts of one model that were lost within some seconds, whatever has been answered since.
///
/// What a request that kills runtimes has brought down is known as such and says nothing of the others, so that one such request after the other does not
/// look like a provider that is gone. Nor do copies of it that are asked at once say anything of each other. Times are microseconds of a monotonic clock.
struct RecentLosses {
    private struct Loss {
        let host: String
        var at: Int64
        /// What all of the requests said that were lost with it; nil: different things, or it is not known.
        var content: Int?
        var isExplained = false
    }

    /// A host that is gone is asked again until it is out, which takes some seconds.
    private static let time: Int64 = 10_000_000
    /// More than are needed to tell the loss of many.
    private static let most = 32

    /// Oldest first.
    private var losses: [Loss] = []

    func isOver(now: Int64) -> Bool { losses.allSatisfy { now - $0.at > Self.time } }

    /// - Parameter content: Of the request that was lost with it; nil: it is not known, or not what brought it down.
    mutating func note(_ host: String, content: Int? = nil, now: Int64) {
        losses.removeAll { now - $0.at > Self.time }
        var loss = Loss(host: host, at: now, content: content)
        if let place = losses.firstIndex(where: { $0.host == host }) {
            let known = losses.remove(at: place)
            loss.isExplained = known.isExplained
            if known.content != content { loss.content = nil }
        }
        if losses.count == Self.most { losses.removeFirst() }
        losses.append(loss)
    }

    /// These were lost by what they were asked.
    mutating func explain(_ hosts: [String]) {
        for place in losses.indices where hosts.contains(losses[place].host) { losses[place].isExplained = true }
    }

    /// So many others were lost, and nothing explains it.
    ///
    /// - Parameter content: Hosts that were lost with nothing but this do not count.
    func count(besides own: [String], content: Int? = nil, now: Int64) -> Int {
        losses.count { now - $0.at <= Self.time && !$0.isExplained && !own.contains($0.host) && (content == nil || $0.content != content) }
    }

    /// Hosts that were lost with nothing but this.
    func hosts(of content: Int, now: Int64) -> Set<String> {
        Set(losses.lazy.filter { now - $0.at <= Self.time && $0.content == content }.map(\.host))
    }
}
