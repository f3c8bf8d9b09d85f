import NIOCore

/// A second try that waits for news.
struct HeldTry {
    let next: SecondTry
    /// The client has tokens of the answer.
    let isStreaming: Bool
    let until: NIODeadline

    init(_ next: SecondTry, isStreaming: Bool, until: NIODeadline) {
        self.next = next
        self.isStreaming = isStreaming
        self.until = until
    }
}

/// Requests of one loop whose attempt failed and that wait to hear whether others are answered, in the order in which they failed.
struct HeldTries {
    /// They hold their bodies meanwhile.
    private static let most = 1_000

    private var all: [(request: RelayedRequest, held: HeldTry)] = []
    private var isLooking = false

    /// False: there are as many as may wait.
    mutating func add(_ request: RelayedRequest, _ held: HeldTry) -> Bool {
        guard all.count < Self.most else { return false }
        all.append((request, held))
        return true
    }

    mutating func putBack(_ request: RelayedRequest, _ held: HeldTry) { all.append((request, held)) }

    /// True once until the next look, while somebody waits.
    mutating func wantsLook() -> Bool {
        guard !isLooking, !all.isEmpty else { return false }
        isLooking = true
        return true
    }

    /// Out of the list, all that wait: who has to wait on is put back.
    mutating func takeAll() -> [(request: RelayedRequest, held: HeldTry)] {
        isLooking = false
        defer { all = [] }
        return all
    }
}
