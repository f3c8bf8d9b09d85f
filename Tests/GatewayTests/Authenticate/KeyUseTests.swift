import Domain
import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

@Suite struct KeyUseTests {
    @Test func aUseIsToldOnceAMinuteWithItsAddress() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime]) { gateway in
            for key in ["sk-test", "sk-expired", "sk-test", "sk-nobody"] {
                let client = try await TestClient(port: gateway.port)
                try await client.post(Samples.request, key: key)
                #expect(try await client.answer().hasPrefix(key == "sk-test" ? "HTTP/1.1 200 " : "HTTP/1.1 401 "))
            }
            let uses = await gateway.server.takeAbuse().uses ?? []
            #expect(uses.map(\.key) == ["key-1"] && uses.map(\.address) == ["127.0.0.1"])
            #expect(await gateway.server.takeAbuse().uses?.isEmpty == true)
        }
    }

    @Test func aBusyKeyIsNotedAtItsFirstUseOfEachMinute() {
        let mark = KeyUseMark()
        #expect([0, 1, 59, 60, 61, 7200].map { mark.isDue(nowSeconds: $0, from: nil) } == [true, false, false, true, false, true])
    }

    @Test func aNewAddressIsNotedInTheSameMinuteTooWhileThereAreFew() throws {
        let mark = KeyUseMark()
        func isDue(_ address: String?, _ second: Int64 = 5) -> Bool { mark.isDue(nowSeconds: second, from: address.flatMap { NetworkAddress($0) }) }
        #expect(isDue("192.0.2.1") && !isDue("192.0.2.1") && isDue("192.0.2.2") && isDue(nil))
        #expect(!isDue("192.0.2.2") && !isDue("192.0.2.1") && !isDue(nil))
        // An IPv6 network is one site.
        #expect(isDue("2001:db8::1") && !isDue("2001:db8::2") && isDue("2001:db8:0:1::1"))
        let more = (10..<100).filter { isDue("192.0.2.\($0)") }
        #expect(more.count == KeyUseMark.mostSites - 5)
        #expect(isDue("192.0.2.1", 60) && isDue("192.0.2.99", 61) && !isDue("192.0.2.1", 62))
    }

    @Test func oneLoopTellsAllAddressesOfAKey() {
        var uses = KeyUses()
        for (second, address) in [(1, "192.0.2.1"), (2, "192.0.2.2"), (3, "192.0.2.1")] {
            uses.note("a", nowSeconds: Int64(second), from: NetworkAddress(address))
        }
        let told = uses.take().sorted { $0.at < $1.at }
        #expect(told == [KeyUse(key: "a", at: 2, address: "192.0.2.2"), KeyUse(key: "a", at: 3, address: "192.0.2.1")])
        #expect(uses.take().isEmpty)
    }

    @Test func reportsThatWaitAreJoinedByKeyAndAddress() {
        var report = AbuseReport(hits: [], locks: 0, uses: [KeyUse(key: "a", at: 5, address: "192.0.2.1")])
        report.add(
            AbuseReport(
                hits: [], locks: 0,
                uses: [KeyUse(key: "a", at: 9, address: "192.0.2.1"), KeyUse(key: "a", at: 7, address: nil), KeyUse(key: "a", at: 6, address: nil)]))
        let uses = (report.uses ?? []).sorted { $0.at > $1.at }
        #expect(uses == [KeyUse(key: "a", at: 9, address: "192.0.2.1"), KeyUse(key: "a", at: 7, address: nil)] && !report.isEmpty)
    }
}
