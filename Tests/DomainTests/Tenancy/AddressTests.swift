import Testing

@testable import Domain

@Suite struct AddressTests {
    @Test(arguments: [
        ("192.0.2.0/24", "192.0.2.7", true), ("192.0.2.0/24", "192.0.3.0", false), ("10.1.2.3", "10.1.2.3", true), ("0.0.0.0/0", "203.0.113.9", true),
        ("2001:db8::/32", "2001:db8:1::1", true), ("2001:db8::/32", "2001:db9::", false), ("::ffff:192.0.2.0/120", "192.0.2.9", true),
        ("::/0", "192.0.2.9", true), ("0.0.0.0/0", "2001:db8::1", false), ("fe80::1", "fe80:0:0:0:0:0:0:1", true),
    ])
    func aRangeHoldsTheAddressesThatBeginAsItDoes(range: String, address: String, isHeld: Bool) throws {
        let ranges = AddressRanges([try #require(AddressRange(range))])
        #expect(ranges.contains(try #require(NetworkAddress(address))) == isHeld)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4/33", "192.0.2.1/24", "1.2.3.4/", "::1/129", ":::", "1:2:3:4:5:6:7", "12345::",
        "::1::", "1.2.3.4/-1", "fe80::1%eth0", "a.b.c.d", "+1::",
    ])
    func whatIsNoRangeIsRefused(text: String) {
        #expect(AddressRange(text) == nil)
    }

    @Test func manyRangesAnswerAsEachAlone() throws {
        var random = SeededRandom(seed: 5)
        let ranges = (0..<300).compactMap { _ in
            AddressRange("10.\(Int.random(in: 0...3, using: &random)).\(Int.random(in: 0...63, using: &random) * 4).0/22")
        }
        let all = AddressRanges(ranges)
        for _ in 0..<2000 {
            let address = NetworkAddress(version4: 0x0A00_0000 | UInt32.random(in: 0..<0x40000, using: &random))
            #expect(all.contains(address) == ranges.contains { AddressRanges([$0]).contains(address) })
        }
    }

    @Test func whoMayComeFromSomePlacesOnlyMayNotComeFromAnUnknownOne() throws {
        let office = AddressRanges([try #require(AddressRange("192.0.2.0/24"))])
        let bad = AddressRanges([try #require(AddressRange("192.0.2.66"))])
        let policy = AddressPolicy(allowed: [office], blocked: [bad])
        #expect(policy.admits(NetworkAddress("192.0.2.1")))
        #expect(!policy.admits(NetworkAddress("192.0.2.66")) && !policy.admits(NetworkAddress("198.51.100.1")) && !policy.admits(nil))
        #expect(AddressPolicy(blocked: [bad]).admits(nil))
    }
}

@Suite struct FailedKeysTests {
    private let address = NetworkAddress(version4: 0xC000_0201)

    @Test func mistakesAreToleratedAndThenEachFailureLocksForTwiceAsLong() {
        var failed = FailedKeys()
        for _ in 0..<FailedKeys.tolerated { failed.failed(address, now: 0) }
        #expect(!failed.isLocked(address, now: 0))
        var now: Int64 = 0
        for lock in [1, 2, 4, 8, 16] as [Int64] {
            failed.failed(address, now: now)
            #expect(failed.isLocked(address, now: now + lock - 1) && !failed.isLocked(address, now: now + lock))
            now += lock
        }
        for _ in 0..<20 {
            failed.failed(address, now: now)
            now += FailedKeys.longestLock
        }
        #expect(!failed.isLocked(address, now: now))
    }

    @Test func whatComesWhileItIsLockedMakesNothingWorse() {
        var failed = FailedKeys()
        for _ in 0..<10_000 { failed.failed(address, now: 0) }
        #expect(failed.isLocked(address, now: 0) && !failed.isLocked(address, now: 1))
    }

    @Test func aQuietSiteIsForgotten() {
        var failed = FailedKeys()
        for _ in 0..<FailedKeys.tolerated { failed.failed(address, now: 0) }
        failed.failed(address, now: FailedKeys.memory + 1)
        #expect(!failed.isLocked(address, now: FailedKeys.memory + 1))
    }

    @Test func aWholeSixtyFourIsOneSiteAndOthersAreNot() throws {
        var failed = FailedKeys()
        for host in 0...FailedKeys.tolerated { failed.failed(try #require(NetworkAddress("2001:db8::\(host)")), now: 0) }
        #expect(failed.isLocked(try #require(NetworkAddress("2001:db8::ffff")), now: 0))
        #expect(!failed.isLocked(try #require(NetworkAddress("2001:db8:0:1::1")), now: 0))
        #expect(!failed.isLocked(address, now: 0))
    }

    @Test func millionsOfSitesTakeNoMoreMemoryAndTheLastIsRemembered() {
        var failed = FailedKeys(capacity: 64)
        for number in 0..<100_000 { failed.failed(NetworkAddress(version4: UInt32(number)), now: 0) }
        for _ in 0...FailedKeys.tolerated { failed.failed(address, now: 1) }
        #expect(failed.isLocked(address, now: 1))
    }
}
