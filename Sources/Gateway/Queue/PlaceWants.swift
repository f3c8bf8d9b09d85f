import Domain
import PlimsollWire

/// Places that a queue asks of other gateways: for requests of protected tiers that are late, or will be, where those of shared tiers that make way run
/// elsewhere. The hosts carry it ([decision 0026](docs/decisions/0026-places-asked-through-hosts.md)).
struct PlaceWants: Sendable {
    struct Want: Sendable {
        let worker: Worker
        let places: Int
    }

    /// In which another gateway has heard of it and a place is free here: two reports of the host, and a look of the running request between them.
    static let notice: Int64 = 1_250_000
    /// It holds for a second, and a report takes up to a quarter of that.
    private static let pause: Int64 = 250_000

    private var toldAt: Int64?
    /// Requests that were refused since then, by the worker that they could have had.
    private var refused: [String: Int] = [:]
    /// Of the last one for which workers were looked through.
    private var refusedAt: String?

    func isDue(_ now: Int64) -> Bool { toldAt.map { now - $0 >= Self.pause } ?? true }

    /// A protected request was refused: what it missed is told with what is wanted next.
    mutating func note(_ question: Router.Question, at workers: [Worker], now: Int64) {
        // Under the queue's lock a fleet is not looked through for each of them.
        if !isDue(now), let refusedAt {
            refused[refusedAt, default: 0] += 1
            return
        }
        refusedAt = nil
        var view = RotationView()
        guard let best = workers.filter({ question.allows($0, &view) }).max(by: { $0.others < $1.others }), best.others > 0 else { return }
        refused[best.entry.id, default: 0] += 1
        refusedAt = best.entry.id
    }

    /// What is to be told now; at most four times a second.
    ///
    /// - Parameters:
    ///   - late: Questions of those who wait in vain, given how many requests of other gateways run at all workers.
    ///   - workers: Of the queue.
    mutating func take(now: Int64, workers: [Worker], late: (Int) -> [Router.Question]) -> [Want] {
        guard isDue(now) else { return [] }
        var left = workers.map { $0.isReachable ? $0.others : 0 }
        let foreign = left.reduce(0, +)
        guard foreign > 0 else {
            refused = [:]
            return []
        }
        var wanted = workers.map { refused[$0.entry.id] ?? 0 }
        refused = [:]
        var view = RotationView()
        for question in late(foreign) {
            let usable = left.indices.filter { left[$0] > 0 && question.allows(workers[$0], &view) }
            guard let most = usable.max(by: { left[$0] < left[$1] }) else { continue }
            left[most] -= 1
            wanted[most] += 1
        }
        let wants = zip(workers, wanted).compactMap { $1 > 0 ? Want(worker: $0, places: min($1, $0.others)) : nil }
        if !wants.isEmpty { toldAt = now }
        return wants
    }
}
