import Cryptography
import Testing

@testable import Domain

/// A month of a tenant with one series that has a log around it.
struct EvidenceMonthFixture {
    let key: SigningKey
    let signer: NoteKey
    var bundle: EvidenceBundle
    static let month = BillingPeriod(year: 2026, month: 6)
    static let tenant = "5f3c1a52-7a3a-4a53-b5a1-000000000001"
    static let terms = EvidenceTerms(
        id: "pro-1", rule: .anyBad, credit: CreditTerms(objective: Ratio(999, 1000)), latency: .init(threshold: 1_500_000))

    static func promise(_ model: String, _ terms: EvidenceTerms = terms) -> EvidencePromise {
        EvidencePromise(id: "agreement of \(model)", model: model, region: "eu", terms: terms.id, zone: "UTC", minutes: month.minutes)
    }

    /// Of pro-8b, from the leaves of these stretches.
    static func credit(bad: Int64 = 44, percent: Int64, base: Int128 = 500 * Rating.picoPerDollar, cents: Int64, _ stretches: [EvidenceStretch])
        -> EvidenceCredit
    {
        let tree = EvidenceWalk.frontier(stretches)
        return EvidenceCredit(
            version: 1, promise: "agreement of pro-8b", model: "pro-8b", region: "eu", eligible: 43_200, bad: bad, percent: Ratio(percent, 1),
            base: base,
            cents: cents, roots: EvidenceRoots(trees: [.init(month: month, leaves: tree.count, root: tree.root)], isComplete: true))
    }

    static func stretch(_ model: String = "pro-8b", bad: Int = 0, slowHours: Int = 0) throws -> EvidenceStretch {
        let series = try #require(EvidenceSeries(tenant: tenant, model: model, region: "eu"))
        var runs = LeafRuns()
        runs.append(LeafCounts(good: 119, bad: 1, firstTokens: LatencyCounter(samples: 119, over: 5), status: .bad), times: bad)
        runs.append(LeafCounts(good: 9, firstTokens: LatencyCounter(samples: 9, over: 1), status: .good), times: slowHours * 60)
        runs.append(LeafCounts(good: 120, excluded: 3, firstTokens: LatencyCounter(samples: 120, over: 4), status: .good), times: 20)
        runs.append(LeafCounts(status: .goodIdle), times: 43_200 - runs.count)
        return EvidenceStretch(series: series, since: month.minutes.lowerBound, runs: runs)
    }

    init(_ stretches: [EvidenceStretch], credits: [EvidenceCredit] = [], corrections: [EvidenceCorrection] = [], terms: EvidenceTerms = terms) throws
    {
        key = try SigningKey(rawBytes: Array(1...32))
        signer = try #require(NoteKey(name: "plimsoll.internal/evidence", key: key.verifyingKey))
        let salt = [UInt8](repeating: 7, count: 16)
        let tag = PublicLogEntry.tag(tenant: Self.tenant, month: Self.month, salt: salt)
        let tree = EvidenceWalk.frontier(stretches)
        let facts =
            [PublicLogEntry.Fact.root(size: tree.count, tree.root)] + corrections.map { .correction($0.digest) }
            + credits.map { .credit($0.digest) }
        let others = (0..<5).map { MerkleTree.leafHash("other \($0)".utf8) }
        let entries = facts.map { PublicLogEntry(tag: tag, month: Self.month, fact: $0) }
        let leaves = others + entries.map(\.hash)
        let checkpoint = LogCheckpoint(origin: signer.name, size: leaves.count, root: MerkleTree.root(leaves[...]))
        bundle = EvidenceBundle(
            tenant: Self.tenant, month: Self.month, signer: signer, terms: [terms], promises: stretches.map { Self.promise($0.series.model, terms) },
            trees: [.init(month: Self.month, salt: salt, parts: stretches.map { .init(stretch: $0) })],
            checkpoint: try checkpoint.note(signedWith: key))
        bundle.credits = credits
        bundle.corrections = corrections
        bundle.log = entries.enumerated().map { place, entry in
            .init(position: 5 + place, entry: entry, path: MerkleTree.inclusionPath(5 + place, leaves[...]))
        }
    }

    func bytes() throws -> [UInt8] { Array(try bundle.sealed(with: key).description.utf8) }

    func verify() throws -> BundleVerification { BundleVerification(try bytes(), key: signer) }
}

@Suite struct EvidenceTests {
    private func failing(_ found: BundleVerification) -> [String] { found.steps.filter { !$0.holds }.map(\.title) }

    @Test func leavesAreHashedAsTheirTextsAre() throws {
        let one = try EvidenceMonthFixture.stretch(bad: 3)
        var count = 0
        EvidenceWalk.leaves([one]) { leaf in
            count += 1
            guard count % 997 == 1 else { return }
            #expect(MinuteLeaf(leaf.text)?.hash == leaf.hash)
        }
        #expect(count == 43_200)
    }

    @Test func seriesAreWalkedMinuteByMinuteInTheOrderOfTheirNames() throws {
        let names = try ["b", "a", "c"].map { try #require(EvidenceSeries(tenant: "t", model: $0, region: "eu")) }
        var runs = LeafRuns()
        runs.append(LeafCounts(status: .goodIdle), times: 3)
        let stretches = zip(names, [0, 1, 10]).map { EvidenceStretch(series: $0, since: Int64($1), runs: runs) }
        var seen: [String] = []
        EvidenceWalk.leaves(stretches) { seen.append("\($0.minute)\($0.series.model)") }
        #expect(seen == ["0b", "1a", "1b", "2a", "2b", "3a", "10c", "11c", "12c"])
        #expect(MerkleTree.root(EvidenceWalk.hashes(stretches)[...]) == EvidenceWalk.frontier(stretches).root)
    }

    @Test func runsAreReadAsTheyAreWritten() throws {
        let runs = try EvidenceMonthFixture.stretch(bad: 2).runs
        #expect(LeafRuns(runs.text) == runs && runs.runs.count == 3)
        #expect(LeafRuns("") == LeafRuns())
        for broken in [
            "1|0|0|0|0|good*1", "1|0|0|0|0|good*02", "01|0|0|0|0|good", "1|0|0|0|good", "1|0|0|0|0|fine", "1|0|0|0|0|good\n1|0|0|0|0|good",
        ] {
            #expect(LeafRuns(broken) == nil, "\(broken)")
        }
    }

    @Test func aWholeMonthHolds() throws {
        let found = try EvidenceMonthFixture([try EvidenceMonthFixture.stretch(bad: 43)]).verify()
        #expect(failing(found) == [] && found.holds && found.isKeyKnown)
        #expect(found.steps.contains { $0.finding.contains("43157 good of 43200 minutes (43 bad") })
    }

    @Test func aBreachedMonthHoldsWithItsCreditOnly() throws {
        let stretches = [try EvidenceMonthFixture.stretch(bad: 44, slowHours: 3)]
        // 44 bad minutes are one started tenth of a point: 5 %; three slow hours: 5 %.
        let credit = EvidenceMonthFixture.credit(percent: 10, cents: 5_000, stretches)
        let found = try EvidenceMonthFixture(stretches, credits: [credit]).verify()
        #expect(failing(found) == [], "\(found.steps)")
        #expect(failing(try EvidenceMonthFixture(stretches).verify()) == ["credit"])
        let cheap = EvidenceMonthFixture.credit(percent: 10, cents: 4_999, stretches)
        #expect(failing(try EvidenceMonthFixture(stretches, credits: [cheap]).verify()) == ["credit"])
        let other = EvidenceMonthFixture.credit(percent: 10, cents: 5_000, [try EvidenceMonthFixture.stretch()])
        #expect(failing(try EvidenceMonthFixture(stretches, credits: [other]).verify()) == ["evidence"], "it was computed from other leaves")
    }

    @Test func aChangeOfAnyByteIsSeen() throws {
        let bytes = try EvidenceMonthFixture([try EvidenceMonthFixture.stretch(bad: 2)]).bytes()
        var generator = SystemRandomNumberGenerator()
        for place in bytes.indices {
            var changed = bytes
            changed[place] ^= UInt8.random(in: 1...255, using: &generator)
            #expect(!BundleVerification(changed).holds, "byte \(place)")
        }
        for place in stride(from: 0, to: bytes.count, by: 7) {
            #expect(!BundleVerification(Array(bytes.prefix(place))).holds, "cut after \(place)")
            #expect(!BundleVerification(Array(bytes.dropFirst(place + 1))).holds)
        }
        for extra in ["\n", " ", "x", "\u{2014} a b\n", String(decoding: bytes, as: UTF8.self)] {
            #expect(!BundleVerification(bytes + Array(extra.utf8)).holds)
            #expect(!BundleVerification(Array(extra.utf8) + bytes).holds)
        }
        var lines = bytes.split(separator: 10, omittingEmptySubsequences: false)
        for place in 1..<lines.count where lines[place] != lines[place - 1] {
            lines.swapAt(place, place - 1)
            #expect(!BundleVerification(Array(lines.joined(separator: [10]))).holds, "lines \(place)")
            lines.swapAt(place, place - 1)
        }
    }

    @Test func whoOwnsTheKeyCannotChangeWhatTheLogHolds() throws {
        let honest = try EvidenceMonthFixture([try EvidenceMonthFixture.stretch(bad: 44)])
        func verdict(_ change: (inout EvidenceBundle) throws -> Void) throws -> [String] {
            var forged = honest
            try change(&forged.bundle)
            return failing(try forged.verify())
        }
        let better = try EvidenceMonthFixture.stretch(bad: 43)
        #expect(try verdict { $0.trees[0].parts = [.init(stretch: better)] } == ["root"])
        let terms = EvidenceTerms(id: "pro-1", rule: .anyBad, credit: CreditTerms(objective: Ratio(99, 100)))
        #expect(try verdict { $0.terms = [terms] } == [], "terms are not in the log: they are the customer's own contract")
        #expect(try verdict { $0.log[0] = .init(position: 4, entry: $0.log[0].entry, path: $0.log[0].path) } == ["log", "credit"])
        #expect(try verdict { $0.trees = [.init(month: $0.month, salt: [8], parts: $0.trees[0].parts)] } == ["log", "credit"])
        #expect(try verdict { $0.log = [] } == ["root", "credit"])
        #expect(try verdict { $0.tenant = "another" }.contains("root"))
        let late = try #require(
            MinuteLeaf(
                tenant: EvidenceMonthFixture.tenant, model: "pro-8b", region: "eu", minute: EvidenceMonthFixture.month.minutes.lowerBound, good: 1,
                bad: 0,
                excluded: 0, firstTokens: LatencyCounter(), status: .good))
        #expect(
            try verdict { $0.corrections = [EvidenceCorrection(number: 1, leaf: late)] } == ["records"],
            "a correction that was never logged makes nothing good")
    }

    @Test func aCorrectionInTheLogCounts() throws {
        let late = try #require(
            MinuteLeaf(
                tenant: EvidenceMonthFixture.tenant, model: "pro-8b", region: "eu", minute: EvidenceMonthFixture.month.minutes.upperBound - 1,
                good: 0,
                bad: 1, excluded: 0, firstTokens: LatencyCounter(), status: .bad))
        let stretches = [try EvidenceMonthFixture.stretch(bad: 43)]
        let credit = EvidenceMonthFixture.credit(percent: 5, base: Rating.picoPerDollar, cents: 5, stretches)
        let fixture = try EvidenceMonthFixture(
            stretches, credits: [credit], corrections: [EvidenceCorrection(number: 1, leaf: late)])
        #expect(failing(try fixture.verify()) == [])
    }

    @Test func aMinuteThatIsLeftOutIsSeen() throws {
        let whole = try EvidenceMonthFixture.stretch()
        var runs = LeafRuns()
        for run in whole.runs.runs { runs.append(run.counts, times: min(run.times, 43_178)) }
        let short = EvidenceStretch(series: whole.series, since: whole.since, runs: runs)
        #expect(runs.count == 43_198)
        #expect(failing(try EvidenceMonthFixture([short]).verify()) == ["minutes"])
        var stated = try EvidenceMonthFixture([short])
        stated.bundle.trees[0].parts = [.init(stretch: short, partial: "given up on the last day")]
        let found = try stated.verify()
        #expect(found.holds && found.steps.contains { $0.finding.contains("43198 of 43200 minutes") && $0.finding.contains("given up") })
    }

    @Test func excludedMinutesDoNotCountAndOtherKeysDoNotPass() throws {
        var fixture = try EvidenceMonthFixture([try EvidenceMonthFixture.stretch(bad: 60)])
        let start = EvidenceMonthFixture.month.minutes.lowerBound
        fixture.bundle.exclusions = [
            EvidenceExclusion(
                promise: "agreement of pro-8b", code: "maintenance", minutes: start..<(start + 60), approval: "announced 2026-05-20T00:00:00Z",
                reason: "disk | swap\n%")
        ]
        let found = try fixture.verify()
        #expect(found.holds && found.steps.contains { $0.finding.contains("43140 good of 43140 minutes (0 bad, 0 of them unmeasured, 60 excluded)") })
        let bytes = try fixture.bytes()
        #expect(BundleVerification(bytes).holds && !BundleVerification(bytes).isKeyKnown)
        let other = try #require(NoteKey(name: fixture.signer.name, key: SigningKey().verifyingKey))
        #expect(!BundleVerification(bytes, key: other).holds)
    }

    @Test func eachExclusionIsToldAndOneThatIsOfNoPromiseIsRefused() throws {
        let start = EvidenceMonthFixture.month.minutes.lowerBound
        func verdict(_ promise: String, _ minutes: Range<Int64>) throws -> BundleVerification {
            var fixture = try EvidenceMonthFixture([try EvidenceMonthFixture.stretch(bad: 43)])
            fixture.bundle.exclusions = [
                EvidenceExclusion(promise: promise, code: "customer_network", minutes: minutes, approval: "approved by b", reason: "their uplink")
            ]
            return try fixture.verify()
        }
        let found = try verdict("agreement of pro-8b", start..<start + 10)
        #expect(found.holds)
        let told = "pro-8b in eu: 10 minutes, 2026-06-01T00:00Z to 2026-06-01T00:10Z, customer_network, approved by b: their uplink"
        #expect(found.steps.contains { $0.title == "exclusion" && $0.finding == told }, "\(found.steps)")
        for (promise, minutes) in [
            ("another", start..<start + 10), ("agreement of pro-8b", start - 5..<start + 5), ("agreement of pro-8b", start..<start),
        ] {
            #expect(failing(try verdict(promise, minutes)) == ["exclusion"], "\(promise) \(minutes)")
        }
    }

    @Test func theSameMonthGivesTheSameBytes() throws {
        let stretches = [try EvidenceMonthFixture.stretch("a"), try EvidenceMonthFixture.stretch("b", bad: 1)]
        let (one, other) = (try EvidenceMonthFixture(stretches).bytes(), try EvidenceMonthFixture(stretches).bytes())
        #expect(one == other)
    }

    @Test func hostileFiguresAreRefusedAndNotComputed() throws {
        for text in ["9223372036854775807/1", "1/0", "-1/2", "1/9999999999", "a/b", "1"] { #expect(BundleText.ratio(text, limit: 1_000_000) == nil) }
        #expect(LeafCounts("9223372036854775807|0|0|0|0|good") == nil)
        #expect(BundleText.unescape(BundleText.escape("a|b\n% ü")) == "a|b\n% ü")
        #expect(BundleText.unescape("%zz") == nil)
    }
}
