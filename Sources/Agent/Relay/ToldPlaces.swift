import Cryptography
import NIOCore
import PlimsollWire
import Synchronization

/// What gateways told of their places at this host's workers, for the others of them: this host is where they meet. It ends by itself.
final class ToldPlaces: Sendable {
    private struct Told {
        var count: Int
        var until: NIODeadline
    }

    private struct Subject: Hashable {
        var worker: String
        var gateway: PeerIdentity
    }

    private struct State {
        var wanted: [Subject: Told] = [:]
        var yielding: [Subject: Told] = [:]

        var isEmpty: Bool { wanted.isEmpty && yielding.isEmpty }

        mutating func forget(_ now: NIODeadline) {
            wanted = wanted.filter { $0.value.until > now }
            yielding = yielding.filter { $0.value.until > now }
        }

        static func sum(_ told: [Subject: Told], _ worker: String, besides gateway: PeerIdentity) -> Int? {
            let counts = told.filter { $0.key.worker == worker && $0.key.gateway != gateway }.map(\.value.count)
            let sum = counts.reduce(0, +)
            return sum > 0 ? sum : nil
        }
    }

    /// More than any runtime has slots.
    private static let most = 100_000
    private static let time = TimeAmount.milliseconds(Int64(PlacesTold.milliseconds))
    private let state = Mutex(State())

    func note(_ told: PlacesTold, worker: String, from gateway: PeerIdentity, now: NIODeadline = .now()) {
        func kept(_ count: Int) -> Told { Told(count: max(0, min(count, Self.most)), until: now + Self.time) }
        let subject = Subject(worker: worker, gateway: gateway)
        state.withLock { state in
            state.forget(now)
            if let wanted = told.wanted { state.wanted[subject] = kept(wanted) }
            if let yielding = told.yielding { state.yielding[subject] = kept(yielding) }
        }
    }

    /// The report as one gateway hears it.
    func added(to report: LinkReport, for gateway: PeerIdentity, now: NIODeadline = .now()) -> LinkReport {
        state.withLock { state in
            guard !state.isEmpty else { return report }
            state.forget(now)
            var report = report
            for index in report.workers.indices {
                let worker = report.workers[index].id
                let told = PlacesTold(
                    wanted: State.sum(state.wanted, worker, besides: gateway), yielding: State.sum(state.yielding, worker, besides: gateway))
                report.workers[index].others = told == PlacesTold() ? nil : told
            }
            return report
        }
    }
}
