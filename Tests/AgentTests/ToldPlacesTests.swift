import Cryptography
import FoundationEssentials
import NIOCore
import PlimsollWire
import Testing

@testable import Agent

@Suite("What gateways tell each other through a host")
struct ToldPlacesTests {
    private let one = PeerIdentity(role: .gateway, id: UUID())
    private let two = PeerIdentity(role: .gateway, id: UUID())
    private let report = LinkReport(state: .serving, workers: ["w", "x"].map { LinkReport.Worker(id: $0, ready: true, load: RuntimeLoad()) })

    private func heard(_ places: ToldPlaces, _ gateway: PeerIdentity, after time: TimeAmount = .zero) -> [PlacesTold?] {
        places.added(to: report, for: gateway, now: .now() + time).workers.map(\.others)
    }

    @Test("each hears the sum of what the others told of a worker, and never its own")
    func sums() {
        let places = ToldPlaces()
        let three = PeerIdentity(role: .gateway, id: UUID())
        places.note(PlacesTold(wanted: 3), worker: "w", from: one)
        places.note(PlacesTold(wanted: 2), worker: "w", from: three)
        places.note(PlacesTold(yielding: 7), worker: "w", from: two)
        #expect(heard(places, two) == [PlacesTold(wanted: 5), nil])
        #expect(heard(places, one) == [PlacesTold(wanted: 2, yielding: 7), nil])
        places.note(PlacesTold(wanted: 0, yielding: -4), worker: "w", from: one)
        #expect(heard(places, two) == [PlacesTold(wanted: 2), nil])
    }

    @Test("what is not told again is over after a second")
    func ends() {
        let places = ToldPlaces()
        places.note(PlacesTold(wanted: 1), worker: "x", from: one)
        #expect(heard(places, two) == [nil, PlacesTold(wanted: 1)])
        #expect(heard(places, two, after: .milliseconds(1_100)) == [nil, nil])
    }
}
