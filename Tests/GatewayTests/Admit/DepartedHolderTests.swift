import Domain
import Foundation
import PlimsollWire
import Testing

@testable import Gateway

/// What the file of limits keeps of keys that are in no table.
@Suite("Keys that are gone") struct DepartedHolderTests {
    private static let names: Set = ["tenant/t", "key/k"]

    /// On a file of its own, which each call opens as the next process does after `kill -9`.
    private func book(_ path: String, after days: Int64 = 0, tokensPerDay: Int64? = nil) throws -> LimitFixture {
        let time = days * LimitFixture.day
        var fixture = try LimitFixture(file: LimitFixture.file(path), wall: LimitFixture.start + time, monotonic: time)
        fixture.tier.tokensPerDay = tokensPerDay
        return fixture
    }

    private func withFile(_ body: (String) throws -> Void) throws {
        let path = LimitFixture.path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    private func use(_ tokens: Int, _ limits: KeyLimits, now: Int64 = 0) throws {
        limits.settle(try #require(limits.take(tokens, now: now).reservation), tokens: tokens, spend: 0, now: now)
    }

    @Test("one that comes back finds what it has used, also where an old table lacked it after a kill") func comesBack() throws {
        try withFile { path in
            do {
                let fixture = try book(path, tokensPerDay: 100)
                try use(30, fixture.limits)
                fixture.book.keep(only: [])
                fixture.book.forgetDeparted(now: 0)
                #expect(fixture.limits.own.used(.tokensPerDay) == 30 && fixture.limits.take(71).fault?.kind == .tokensPerDay)
                fixture.book.keep(only: [])
            }
            let fixture = try book(path, tokensPerDay: 100)
            // The table of the disk, without the key.
            fixture.book.keep(only: [])
            fixture.book.forgetDeparted(now: LimitFixture.day / 2)
            #expect(fixture.limits.own.used(.tokensPerDay) == 30 && fixture.limits.tenant.used(.tokensPerMonth) == 30)
            #expect(fixture.limits.take(71).fault?.kind == .tokensPerDay)
        }
    }

    @Test("what was used of a month is kept until it is over, and then the place is another's") func monthEnds() throws {
        try withFile { path in
            do {
                let fixture = try book(path)
                try use(30, fixture.limits)
            }
            // The 31st, the day after the key's last request.
            var fixture = try book(path, after: 1)
            fixture.book.forgetDeparted(now: LimitFixture.day)
            #expect(fixture.book.file.names == Self.names && fixture.limits.own.used(.tokensPerMonth) == 30)
            fixture.book.keep(only: [])
            fixture.book.tick(wall: LimitFixture.start + 2 * LimitFixture.day, monotonic: 2 * LimitFixture.day)
            fixture.book.forgetDeparted(now: 2 * LimitFixture.day)
            #expect(fixture.book.file.names.isEmpty)
            fixture.key = KeyEntry(id: "next", tenant: "t", sha256Hex: "")
            #expect(fixture.limits.own.used(.tokensPerMonth) == 0 && fixture.limits.take(1).fault == nil)
        }
    }

    @Test("a request that still runs counts where it began, and nobody gets its words") func stillRuns() throws {
        try withFile { path in
            var fixture = try book(path)
            var limits: KeyLimits? = fixture.limits
            let reservation = try #require(limits?.take(50).reservation)
            fixture.book.keep(only: [])
            fixture.book.tick(wall: LimitFixture.start + 2 * LimitFixture.day, monotonic: 2 * LimitFixture.day)
            fixture.book.forgetDeparted(now: 2 * LimitFixture.day)
            #expect(fixture.book.file.names == Self.names)
            fixture.key = KeyEntry(id: "next", tenant: "t", sha256Hex: "")
            let next = fixture.limits
            limits?.settle(reservation, tokens: 50, spend: 0, now: 0)
            #expect(next.own.used(.tokensPerMonth) == 0 && next.own.running == 0)
            #expect(next.tenant === limits?.tenant, "the account is back, with what runs of it")
            limits = nil
            fixture.book.forgetDeparted(now: 2 * LimitFixture.day)
            #expect(fixture.book.file.names == ["tenant/t", "key/next"])
        }
    }

    @Test("a lease that is held, and a minute that is used up, are kept") func leasesAndBuckets() throws {
        try withFile { path in
            let fixture = try book(path, tokensPerDay: 100)
            let own = fixture.limits.own
            fixture.book.keep(only: [])
            let words = try fixture.book.file.record("key/k")
            #expect(LimitHolder.isOver(words, in: fixture.book.file, now: 0))
            own.slot(.tokensPerDay, own.number(.tokensPerDay)).leasedUntil.value = 5_000_000
            #expect(!LimitHolder.isOver(words, in: fixture.book.file, now: 4_000_000))
            #expect(LimitHolder.isOver(words, in: fixture.book.file, now: 5_000_000))
            #expect(own.reserveMinute(LimitAsk(tokens: 10, spend: 0, now: 5_000_000)) == nil)
            own.settleMinute(reserved: 10, used: 10, unit: own.tokenUnit, reservedAt: 5_000_000, countsRequest: true, now: 5_000_000)
            #expect(!LimitHolder.isOver(words, in: fixture.book.file, now: 5_000_000))
            #expect(LimitHolder.isOver(words, in: fixture.book.file, now: 70_000_000))
        }
    }

    @Test("the file grows with those that there are, not with those that there were") func placesAreUsedAgain() throws {
        try withFile { path in
            for turn in 0..<4 {
                let file = try LimitFixture.file(path)
                #expect(file.names.count == (turn == 0 ? 0 : 50))
                for number in 0..<450 { try file.record("key/\(turn)-\(number)")[20].value = 7 }
                file.forget { _, _ in true }
                for number in 0..<500 { #expect(try file.record("key/\(turn)+\(number)")[20].value == 0) }
                file.forget { name, _ in !name.hasSuffix("9") }
            }
            let size = try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
            #expect(size == 512 * LimitFile.recordWords * 8)
        }
    }
}
