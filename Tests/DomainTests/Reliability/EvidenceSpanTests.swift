import Cryptography
import Testing

@testable import Domain

@Suite struct EvidenceSpanTests {
    private static let month = BillingPeriod(year: 2026, month: 10)

    @Test func partsAreWholeDaysThatCoverWhatIsAskedAndNothingTwice() {
        var random = SeededRandom(seed: 7)
        for _ in 0..<2_000 {
            let month = BillingPeriod(year: Int.random(in: 1990...2090, using: &random), month: Int.random(in: 1...12, using: &random))
            let first = month.minutes.lowerBound - Int64.random(in: -900...840, using: &random)
            let range = first..<(month.minutes.upperBound + Int64.random(in: -900...720, using: &random))
            let parts = EvidenceSpan.parts(of: month, covering: [range])
            #expect(parts.allSatisfy { $0.minutes.lowerBound % 1_440 == 0 && $0.minutes.upperBound % 1_440 == 0 && !$0.minutes.isEmpty })
            #expect(parts.allSatisfy { $0.minutes.clamped(to: $0.month.minutes) == $0.minutes })
            #expect(zip(parts, parts.dropFirst()).allSatisfy { $0.minutes.upperBound == $1.minutes.lowerBound })
            #expect(parts[0].minutes.lowerBound <= range.lowerBound && range.upperBound <= parts[parts.count - 1].minutes.upperBound)
            #expect(parts.contains { $0.month == month && $0.minutes == month.minutes })
            #expect(parts.count == 1 + (first < month.minutes.lowerBound ? 1 : 0) + (range.upperBound > month.minutes.upperBound ? 1 : 0))
        }
    }

    @Test func rootsAndPromisesAreReadAsTheyAreWritten() throws {
        let trees = [BillingPeriod(year: 2026, month: 9), Self.month].map {
            EvidenceRoots.Tree(month: $0, leaves: 44_640, root: Hash.sha256("\($0)"))
        }
        for roots in [
            EvidenceRoots(trees: trees, isComplete: true), EvidenceRoots(trees: [], isComplete: false),
            EvidenceRoots(trees: trees, isComplete: false),
        ] {
            #expect(EvidenceRoots(roots.text) == roots)
        }
        for broken in ["2026-13:1:\(trees[0].root)", "2026-09:-1:\(trees[0].root)", "2026-09:1", "open,open", "2026-09:01:\(trees[0].root)"] {
            #expect(EvidenceRoots(broken) == nil, "\(broken)")
        }
        let promise = EvidencePromise(
            id: "a|b", model: "m", region: "eu", terms: "pro%1", zone: "Europe/Berlin", minutes: 10..<20, partial: "it ends then")
        #expect(EvidencePromise(promise.line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)) == promise)
    }

    @Test func aMonthIsWhereSomeZoneHasItAndThatOfUTCExactly() {
        let minutes = Self.month.minutes
        func isWithin(_ zone: String, _ from: Int64, _ until: Int64) -> Bool {
            EvidencePromise(
                id: "a", model: "m", region: "eu", terms: "t", zone: zone, minutes: (minutes.lowerBound + from)..<(minutes.upperBound + until)
            ).isWithin(Self.month)
        }
        #expect(isWithin("UTC", 0, 0) && !isWithin("UTC", -1, 0) && !isWithin("UTC", 0, 1) && isWithin("UTC", 60, -60))
        #expect(isWithin("Pacific/Kiritimati", -840, -840) && !isWithin("Pacific/Kiritimati", -841, -841))
        #expect(isWithin("Etc/GMT+12", 720, 720) && !isWithin("Etc/GMT+12", 721, 721))
    }

    @Test func aStretchIsCutWhereItIsAsked() throws {
        var random = SeededRandom(seed: 11)
        let whole = try EvidenceMonthFixture.stretch(bad: 7, slowHours: 2)
        for _ in 0..<200 {
            let first = whole.since + Int64.random(in: -100...43_300, using: &random)
            let range = first..<(first + Int64.random(in: 0...500, using: &random))
            let cut = whole.clamped(to: range)
            #expect(
                (cut?.since ?? 0)..<(cut?.until ?? 0)
                    == ((whole.since..<whole.until).overlaps(range) ? range.clamped(to: whole.since..<whole.until) : 0..<0))
            if let cut { #expect(cut.runs.counts(at: 0) == whole.runs.counts(at: Int(cut.since - whole.since))) }
        }
    }
}

/// A month of a zone, of which the beginning is in the tree before.
@Suite struct EvidenceNeighbourTests {
    private static let tenant = EvidenceMonthFixture.tenant
    private static let june = EvidenceMonthFixture.month
    private static let may = BillingPeriod(year: 2026, month: 5)

    /// June in Berlin: from 22:00 on the last of May on, with so many bad minutes in those two hours.
    private func bundle(bad: Int) throws -> EvidenceMonthFixture {
        let series = try #require(EvidenceSeries(tenant: Self.tenant, model: "pro-8b", region: "eu"))
        var runs = LeafRuns()
        runs.append(LeafCounts(status: .goodIdle), times: Self.may.minutes.count - 120)
        runs.append(LeafCounts(good: 1, bad: 1, firstTokens: LatencyCounter(samples: 1), status: .bad), times: bad)
        runs.append(LeafCounts(status: .goodIdle), times: 120 - bad)
        let last = EvidenceStretch(series: series, since: Self.may.minutes.lowerBound, runs: runs)
        let first = try EvidenceMonthFixture.stretch()
        var fixture = try EvidenceMonthFixture([first])
        let dayStart = Self.may.minutes.upperBound - 1_440
        let before = EvidenceWalk.frontier([try #require(last.clamped(to: Self.may.minutes.lowerBound..<dayStart))])
        let tail = try #require(last.clamped(to: dayStart..<Self.may.minutes.upperBound))
        let minutes = (Self.june.minutes.lowerBound - 120)..<(Self.june.minutes.upperBound - 120)
        fixture.bundle.promises = [
            EvidencePromise(id: "a", model: "pro-8b", region: "eu", terms: "pro-1", zone: "Europe/Berlin", minutes: minutes)
        ]
        fixture.bundle.trees.insert(.init(month: Self.may, salt: [9], before: before, parts: [.init(stretch: tail)]), at: 0)
        let tree = EvidenceWalk.frontier([last])
        #expect(EvidenceWalk.frontier([tail], after: before) == tree)
        let entry = PublicLogEntry(
            tag: PublicLogEntry.tag(tenant: Self.tenant, month: Self.may, salt: [9]), month: Self.may, fact: .root(size: tree.count, tree.root))
        let leaves = [entry.hash] + fixture.bundle.log.map(\.entry.hash)
        let entries = [entry] + fixture.bundle.log.map(\.entry)
        fixture.bundle.log = entries.enumerated().map { place, entry in
            .init(position: place, entry: entry, path: MerkleTree.inclusionPath(place, leaves[...]))
        }
        fixture.bundle.checkpoint = try LogCheckpoint(origin: fixture.signer.name, size: leaves.count, root: MerkleTree.root(leaves[...]))
            .note(signedWith: fixture.key)
        return fixture
    }

    private func failing(_ found: BundleVerification) -> [String] { found.steps.filter { !$0.holds }.map(\.title) }

    @Test func minutesOfTheTreeBeforeCountAsTheMonthHasThem() throws {
        let found = try bundle(bad: 43).verify()
        #expect(failing(found) == [] && found.steps.contains { $0.finding.contains("43157 good of 43200 minutes (43 bad") }, "\(found.steps)")
        #expect(failing(try bundle(bad: 44).verify()) == ["credit"], "one more and 5 % are owed")
    }

    @Test func whatIsChangedOrLeftOutOfTheTreeBeforeIsSeen() throws {
        var forged = try bundle(bad: 43)
        let honest = forged.bundle.trees[0]
        var better = honest.parts[0].stretch
        better.runs = LeafRuns()
        better.runs.append(LeafCounts(status: .goodIdle), times: 1_440)
        forged.bundle.trees[0].parts = [.init(stretch: better)]
        #expect(failing(try forged.verify()) == ["root"])
        forged.bundle.trees[0] = .init(month: honest.month, salt: honest.salt, parts: honest.parts)
        #expect(failing(try forged.verify()) == ["root"], "what was before is part of the root")
        let short = try #require(honest.parts[0].stretch.clamped(to: honest.parts[0].stretch.since..<(Self.june.minutes.lowerBound - 120)))
        forged.bundle.trees[0] = .init(month: honest.month, salt: honest.salt, before: honest.before, parts: [.init(stretch: short)])
        #expect(failing(try forged.verify()) == ["root", "credit"], "120 minutes without a leaf are not measured")
    }

    @Test func termsThatChangeWithinAMonthAreJudgedApart() throws {
        let half = Self.june.minutes.lowerBound + 20_000
        var fixture = try EvidenceMonthFixture([try EvidenceMonthFixture.stretch(bad: 20)])
        let loose = EvidenceTerms(id: "pro-2", rule: .anyBad, credit: CreditTerms(objective: Ratio(99, 100)))
        fixture.bundle.terms.append(loose)
        func promises(_ end: Int64) -> [EvidencePromise] {
            [(Self.june.minutes.lowerBound..<end, "pro-1"), (half..<Self.june.minutes.upperBound, "pro-2")].map { minutes, terms in
                EvidencePromise(id: terms, model: "pro-8b", region: "eu", terms: terms, zone: "UTC", minutes: minutes, partial: "changed")
            }
        }
        fixture.bundle.promises = promises(half)
        let found = try fixture.verify()
        #expect(found.steps.filter { $0.title == "uptime" }.map { $0.finding.contains("(20 bad") } == [true, false])
        // 20 of 20,000 minutes are exactly 99.9 %.
        #expect(failing(found) == [])
        fixture.bundle.promises = promises(half + 1)
        #expect(failing(try fixture.verify()) == ["terms", "terms"], "no minute has two sets of terms")
    }
}
