/// Who generates and who waits, in order of arrival.
struct SlotTable {
    struct Ticket: Hashable {
        fileprivate let number: Int
    }

    enum Arrival: Equatable {
        case started(Ticket)
        case queued(Ticket)
        case refused
    }

    private(set) var kvUsed = 0
    var running: Int { held.count }
    var waiting: Int { queue.count }
    var hasFreeSlot: Bool { held.count < slots }

    private let slots: Int
    private let kvTokens: Int
    private let cap: Int?
    private var held: [Ticket: Int] = [:]
    private var queue: [(ticket: Ticket, tokens: Int)] = []
    private var next = 0

    /// `cap` bounds waiting and running together; nil leaves the queue without a bound, as runtimes do when nobody sets one.
    init(slots: Int, kvTokens: Int, cap: Int?) {
        self.slots = slots
        self.kvTokens = kvTokens
        self.cap = cap
    }

    /// `tokens`: KV that the request may come to use.
    mutating func arrive(tokens: Int) -> Arrival {
        if let cap, running + waiting >= cap { return .refused }
        let ticket = Ticket(number: next)
        next += 1
        guard queue.isEmpty, fits(tokens) else {
            queue.append((ticket, tokens))
            return .queued(ticket)
        }
        hold(ticket, tokens)
        return .started(ticket)
    }

    /// Ends a request wherever it stands; returns those that may start now.
    mutating func leave(_ ticket: Ticket) -> [Ticket] {
        if let tokens = held.removeValue(forKey: ticket) {
            kvUsed -= tokens
        } else {
            queue.removeAll { $0.ticket == ticket }
        }
        var started: [Ticket] = []
        while let first = queue.first, fits(first.tokens) {
            queue.removeFirst()
            hold(first.ticket, first.tokens)
            started.append(first.ticket)
        }
        return started
    }

    /// A request alone always fits: what exceeds the context was refused before it came here.
    private func fits(_ tokens: Int) -> Bool {
        held.isEmpty || (hasFreeSlot && kvUsed + tokens <= kvTokens)
    }

    private mutating func hold(_ ticket: Ticket, _ tokens: Int) {
        held[ticket] = tokens
        kvUsed += tokens
    }
}
