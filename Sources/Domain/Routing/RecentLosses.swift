/// Hosts of one model that were lost within some seconds, whatever has been answered since.
///
/// What a request that kills runtimes has brought down is known as such and says nothing of the others, so that one such request after the other does not
/// look like a provider that is gone. Times are microseconds of a monotonic clock.
struct RecentLosses {
    private struct Loss {
        let host: String
        var at: Int64
        var isExplained = false
    }

    /// A host that is gone is asked again until it is out, which takes some seconds.
    private static let time: Int64 = 10_000_000
    /// More than are needed to tell the loss of many.
    private static let most = 32

    /// Oldest first.
    private var losses: [Loss] = []

    func isOver(now: Int64) -> Bool { losses.allSatisfy { now - $0.at > Self.time } }

    mutating func note(_ host: String, now: Int64) {
        losses.removeAll { now - $0.at > Self.time }
        var loss = Loss(host: host, at: now)
        if let place = losses.firstIndex(where: { $0.host == host }) { loss.isExplained = losses.remove(at: place).isExplained }
        if losses.count == Self.most { losses.removeFirst() }
        losses.append(loss)
    }

    /// These were lost by what they were asked.
    mutating func explain(_ hosts: [String]) {
        for place in losses.indices where hosts.contains(losses[place].host) { losses[place].isExplained = true }
    }

    /// So many others were lost, and nothing explains it.
    func count(besides own: [String], now: Int64) -> Int {
        losses.count { now - $0.at <= Self.time && !$0.isExplained && !own.contains($0.host) }
    }
}
