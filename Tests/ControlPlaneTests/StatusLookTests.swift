import FoundationEssentials
import Outbound
import PlimsollWire
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

@Suite struct StatusLookTests {
    private func looks(_ world: PeerWorld, _ endpoints: [String: String], _ answer: @escaping OutsideProbes.Ask) -> StatusLooks {
        StatusLooks(reliability: world.pool, settings: OutsideProbes.Settings(endpoints: endpoints, keyFile: "/nowhere"), ask: answer)
    }

    private func found(_ world: PeerWorld) async throws -> [String] {
        try await world.pool.query(
            "SELECT region || ' ' || url || ' ' || status || ' ' || coalesce(age_seconds::text, '-') AS look FROM reliability.status_look ORDER BY region"
        )
        .map { try $0.value("look") }
    }

    @Test func `the page is asked for at every endpoint, and what it answered last is kept with its age`() async throws {
        try await PeerWorld.with { world in
            let ask: OutsideProbes.Ask = { request async throws(OutboundError) in
                guard request.url.contains("eu") else { throw OutboundError(code: .connectFailed, message: "nobody is there") }
                return OutboundResponse(
                    head: OutboundHead(status: 200, headers: [OutboundHeader(StatusHeader.age, "12")], version: "1.1"), body: [],
                    timings: OutboundTimings())
            }
            try await looks(world, ["eu": "http://eu.example/", "us": "http://us.example"], ask).look()
            #expect(try await found(world) == ["eu http://eu.example/api/v2/status.json 200 12", "us http://us.example/api/v2/status.json 0 -"])
            try await looks(world, ["eu": "http://eu.example"], ask).look()
            #expect(try await found(world).count == 1, "what is not asked for any more proves nothing")
        }
    }
}
