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

    @Test(arguments: ["0.0.0.0", "192.0.2.255", "::", "2001:db8::", "2001:db8:0:1::", "2001:db8:1:2:3:4:5:0", "fe80:0:0:0:1:2:3:4"])
    func anAddressIsWrittenAsItIsRead(_ text: String) throws {
        #expect(try #require(NetworkAddress(text)).text == text)
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

@Suite struct FailedSiteTests {
    private func site(failures: Int, now: Int64 = 0) -> FailedSite {
        (1..<failures).reduce(FailedSite(tag: 5, now: now)) { site, _ in site.failed(now: now) ?? site }
    }

    @Test func mistakesAreToleratedAndThenEachFailureLocksForTwiceAsLong() throws {
        var site = site(failures: FailedSite.tolerated)
        #expect(!site.isLocked(now: 0))
        var now: Int64 = 0
        for lock in [1, 2, 4, 8, 16] as [Int64] {
            site = try #require(site.failed(now: now))
            #expect(site.isLocked(now: now + lock - 1) && !site.isLocked(now: now + lock))
            now += lock
        }
        for _ in 0..<60 {
            site = try #require(site.failed(now: now))
            now += FailedSite.longestLock
        }
        #expect(!site.isLocked(now: now) && site.failures == 63)
    }

    @Test func whatComesWhileItIsLockedMakesNothingWorse() {
        let site = site(failures: FailedSite.tolerated + 1)
        #expect(site.isLocked(now: 0) && site.failed(now: 0) == nil && !site.isLocked(now: 1))
    }

    @Test func aQuietSiteIsForgotten() {
        let site = site(failures: FailedSite.tolerated)
        #expect(!site.isForgotten(now: FailedSite.memory) && site.isForgotten(now: FailedSite.memory + 1))
        #expect(FailedSite(word: 0).isForgotten(now: 0))
    }

    @Test(arguments: [(1, 0), (20, 7), (31, 4_000_000_000)] as [(Int, Int64)])
    func itIsTheSameAfterItWasAWord(failures: Int, now: Int64) {
        let site = site(failures: failures, now: now)
        #expect(FailedSite(word: site.word) == site)
    }
}

@Suite struct ProxyTrustTests {
    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("192.0.2.1:443", "192.0.2.1"), ("[2001:db8::1]", "2001:db8::1"), ("[2001:db8::1]:443", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"), ("192.0.2.1:_hidden", "192.0.2.1"), ("unknown", nil), ("_hidden", nil), ("", nil), ("192.0.2.1:", nil),
        ("192.0.2.1:123456", nil), ("[192.0.2.1]", nil), ("[2001:db8::1", nil), ("[2001:db8::1]x", nil), ("192.0.2.1:80x", nil), (":80", nil),
    ])
    func aNodeIsAnAddressWithOrWithoutAPort(node: String, address: String?) {
        #expect(NetworkAddress(node: node) == address.flatMap { NetworkAddress($0) })
    }

    @Test(
        arguments: [
            (["203.0.113.9", "10.0.0.1"], "203.0.113.9"), (["10.0.0.2", "203.0.113.9", "10.0.0.1"], "203.0.113.9"),
            (["10.0.0.2", "10.0.0.3"], "10.0.0.3"), (["unknown", "203.0.113.9"], nil), (["10.0.0.2", "unknown"], nil), ([], nil),
        ] as [([String], String?)])
    func theCustomerIsTheFirstThatIsNoProxy(nodes: [String], customer: String?) throws {
        let trust = ProxyTrust([try #require(AddressRange("10.0.0.0/8"))])
        #expect(trust.customer(nodes: nodes.map { NetworkAddress(node: $0) }) == customer.flatMap { NetworkAddress($0) })
        #expect(!trust.isProxy(nil) && !ProxyTrust().isProxy(NetworkAddress("10.0.0.1")))
    }
}
