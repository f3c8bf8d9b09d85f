import Domain
import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

@Suite struct FailedKeysTests {
    private let address = NetworkAddress(version4: 0xC000_0201)

    @Test func aWholeSixtyFourIsOneSiteAndOthersAreNot() throws {
        let failed = FailedKeys()
        for host in 0...FailedSite.tolerated { failed.failed(try #require(NetworkAddress("2001:db8::\(host)")), now: 0) }
        #expect(failed.isLocked(try #require(NetworkAddress("2001:db8::ffff")), now: 0))
        #expect(!failed.isLocked(try #require(NetworkAddress("2001:db8:0:1::1")), now: 0))
        #expect(!failed.isLocked(address, now: 0))
        #expect(failed.takeLocks() == 1 && failed.takeLocks() == 0)
    }

    @Test func aQuietSiteBeginsAnew() {
        let failed = FailedKeys()
        for _ in 0..<FailedSite.tolerated { failed.failed(address, now: 0) }
        failed.failed(address, now: FailedSite.memory + 1)
        #expect(!failed.isLocked(address, now: FailedSite.memory + 1))
    }

    @Test func anyNumberOfSitesTakesNoMoreMemoryAndTheLastIsRemembered() {
        let failed = FailedKeys()
        for number in 0..<50_000 { failed.failed(NetworkAddress(version4: UInt32(number)), now: 0) }
        for _ in 0...FailedSite.tolerated { failed.failed(address, now: 1) }
        #expect(failed.isLocked(address, now: 1))
    }

    /// No failure is lost, whichever loops they come to at the same time.
    @Test func failuresOfSeveralLoopsCountTogether() async {
        let failed = FailedKeys()
        failed.failed(address, now: 0)
        await withTaskGroup { group in
            for _ in 1..<FailedSite.tolerated { group.addTask { failed.failed(address, now: 0) } }
        }
        #expect(!failed.isLocked(address, now: 0))
        failed.failed(address, now: 0)
        #expect(failed.isLocked(address, now: 0) && failed.takeLocks() == 1)
    }

    /// The kernel spreads connections over the loops' sockets; counted by each loop, four of them would tolerate four times as much.
    @Test func theAddressIsLockedForAllLoopsOfAGateway() async throws {
        var setup = GatewayFixture.Setup()
        setup.loops = 4
        try await GatewayFixture.run([], setup) { gateway in
            var refused = 0
            for number in 0..<200 {
                let client = try await TestClient(port: gateway.port)
                try await client.post(Samples.request, key: "sk-guess-\(number)")
                if try await client.answer().hasPrefix("HTTP/1.1 429 ") { break }
                refused += 1
            }
            // A lock of a second may end before the next one asks.
            #expect((FailedSite.tolerated + 1...FailedSite.tolerated + 6).contains(refused), "\(refused)")
        }
    }
}
