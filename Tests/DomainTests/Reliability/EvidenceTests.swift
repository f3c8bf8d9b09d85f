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

    static func contract(_ promise: EvidencePromise, _ rules: MaintenanceRules? = MaintenanceRules()) -> EvidenceContract {
        EvidenceContract(
            promise: promise.id, codes: ["customer_network", Maintenance.code], maintenance: rules,
            month: promise.zone == "UTC" ? month.minutes : promise.minutes, clock: .utc)
    }

    /// Of pro-8b, from the leaves of these stretches.
    static func credit(
        bad: Int64 = 44, eligible: Int64 = 43_200, percent: Int64, base: Int128 = 500 * Rating.picoPerDollar, cents: Int64,
        _ stretches: [EvidenceStretch]
    )
        -> EvidenceCredit
    {
        let tree = EvidenceWalk.frontier(stretches)
        return EvidenceCredit(
            version: 1, promise: "agreement of pro-8b", model: "pro-8b", region: "eu", eligible: eligible, bad: bad, percent: Ratio(percent, 1),
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

    /// With a contract of each promise, if the bundle has none.
    func bytes() throws -> [UInt8] {
        var bundle = bundle
        if bundle.contracts.isEmpty, bundle.version == EvidenceBundle.version { bundle.contracts = bundle.promises.map { Self.contract($0) } }
        return Array(try bundle.sealed(with: key).description.utf8)
    }

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
        let bytes = try fullest().bytes()
        #expect(BundleVerification(bytes).holds)
        for kind in ["contract", "credit", "correction", "exclusion", "maintenance", "promise", "terms"] {
            #expect(bytes.split(separator: 10).contains { $0.starts(with: Array("\(kind)|".utf8)) }, "\(kind)")
        }
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

    /// A month with all that a bundle can hold of it: contract, credit, correction, exclusion, maintenance.
    private func fullest() throws -> EvidenceMonthFixture {
        let (month, stretches) = (EvidenceMonthFixture.month.minutes, [try EvidenceMonthFixture.stretch(bad: 48)])
        let late = try #require(
            MinuteLeaf(
                tenant: EvidenceMonthFixture.tenant, model: "pro-8b", region: "eu", minute: month.upperBound - 1, good: 0, bad: 1, excluded: 0,
                firstTokens: LatencyCounter(), status: .bad))
        let credit = EvidenceMonthFixture.credit(eligible: 43_194, percent: 5, base: Rating.picoPerDollar, cents: 5, stretches)
        var fixture = try EvidenceMonthFixture(stretches, credits: [credit], corrections: [EvidenceCorrection(number: 1, leaf: late)])
        fixture.bundle.exclusions = [
            EvidenceExclusion(
                promise: "agreement of pro-8b", code: "customer_network", minutes: month.lowerBound..<month.lowerBound + 5,
                approval: "approved by b", reason: "disk | swap")
        ]
        let starts = (month.lowerBound + 20_000) * 60_000_000
        fixture.bundle.maintenance = [
            EvidenceMaintenance(
                promise: "agreement of pro-8b",
                planned: PlannedMaintenance(announced: starts - 5_000 * 60_000_000, starts: starts, ends: starts + 60_000_000, reason: "a new disk"))
        ]
        return fixture
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
        let later = try EvidenceMonthFixture(stretches, credits: [credit], corrections: [EvidenceCorrection(number: 2, leaf: late)])
        #expect(failing(try later.verify()) == ["records"], "the first one is withheld")
    }

    @Test func aCorrectionInTheLogWhoseStatusContradictsItsCountsMakesNothingGood() throws {
        let first = EvidenceMonthFixture.month.minutes.lowerBound
        for counts in ["0|5|0|0|0|good", "0|5|0|0|0|excluded", "0|5|0|0|0|good:idle", "5|0|0|0|0|bad", "0|0|0|0|0|good"] {
            let leaf = try #require(MinuteLeaf("v1|\(EvidenceMonthFixture.tenant)|pro-8b|eu|\(UTCMinute.text(first))|\(counts)"))
            let fixture = try EvidenceMonthFixture(
                [try EvidenceMonthFixture.stretch(bad: 43)], corrections: [EvidenceCorrection(number: 1, leaf: leaf)])
            #expect(failing(try fixture.verify()) == ["counts"], "\(counts)")
        }
    }

    @Test func aCorrectionThatIsWithheldWithItsLeafShowsAgainstALogFromElsewhere() throws {
        let corrections = try (1...2).map { number in
            let minute = EvidenceMonthFixture.month.minutes.upperBound - Int64(number)
            let leaf = MinuteLeaf(
                tenant: EvidenceMonthFixture.tenant, model: "pro-8b", region: "eu", minute: minute, good: 0, bad: 1, excluded: 0,
                firstTokens: LatencyCounter(), status: .bad)
            return EvidenceCorrection(number: number, leaf: try #require(leaf))
        }
        let whole = try EvidenceMonthFixture([try EvidenceMonthFixture.stretch()], corrections: corrections)
        let entries = (0..<5).map { "other \($0)" } + whole.bundle.log.map(\.entry.text)
        let hashes = entries.map { MerkleTree.leafHash($0.utf8) }
        func kept(_ size: Int, root: SHA256Digest? = nil, entries: [String]? = nil, key: SigningKey? = nil) throws -> KeptLog {
            let head = LogCheckpoint(origin: whole.signer.name, size: size, root: root ?? MerkleTree.root(hashes[..<size]))
            return KeptLog(checkpoint: try head.note(signedWith: key ?? whole.key), entries: entries)
        }
        func failing(_ fixture: EvidenceMonthFixture, _ kept: KeptLog) throws -> [String] {
            self.failing(BundleVerification(try fixture.bytes(), key: fixture.signer, against: kept))
        }
        var withheld = whole
        withheld.bundle.corrections.removeLast()
        withheld.bundle.log.removeLast()
        #expect(try withheld.verify().holds, "by itself it does not show")
        #expect(try failing(withheld, kept(8, entries: entries)) == ["withheld"])
        #expect(try failing(withheld, kept(7, entries: entries)) == ["withheld"], "kept before the correction was made")
        for size in [0, 5, 8] { #expect(try failing(whole, kept(size, entries: entries)) == []) }
        #expect(try failing(whole, kept(8)) == [])
        #expect(try failing(whole, kept(7)) == ["kept"], "nothing shows that it is the same log")
        #expect(try failing(whole, kept(8, root: hashes[0])) == ["kept"] && failing(whole, kept(6, root: hashes[0], entries: entries)) == ["kept"])
        #expect(try failing(whole, kept(8, entries: Array(entries.dropLast()))) == ["kept"])
        #expect(try failing(whole, kept(8, entries: ["another"] + entries.dropFirst())) == ["kept"])
        #expect(try failing(whole, kept(8, entries: entries, key: SigningKey())) == ["kept"])
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
                promise: "agreement of pro-8b", code: "customer_network", minutes: start..<(start + 60), approval: "approved by b",
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

    /// A month with 43 bad minutes at its beginning, and what was announced of maintenance: minutes ahead, from, until.
    private func maintained(
        _ windows: [(ahead: Int64, from: Int64, until: Int64)], _ rules: MaintenanceRules?, version: String = EvidenceBundle.version
    ) throws -> BundleVerification {
        var fixture = try EvidenceMonthFixture([try EvidenceMonthFixture.stretch(bad: 43)])
        let (start, promise) = (EvidenceMonthFixture.month.minutes.lowerBound, fixture.bundle.promises[0])
        fixture.bundle.version = version
        fixture.bundle.contracts = [EvidenceMonthFixture.contract(promise, rules)]
        fixture.bundle.maintenance = windows.map { window in
            let starts = (start + window.from) * 60_000_000
            return EvidenceMaintenance(
                promise: promise.id,
                planned: PlannedMaintenance(
                    announced: starts - window.ahead * 60_000_000, starts: starts, ends: (start + window.until) * 60_000_000, reason: "disk | swap"))
        }
        return try fixture.verify()
    }

    @Test func maintenanceIsJudgedByWhatTheContractSaysAndNotByWhoeverMadeTheBundle() throws {
        func uptime(_ found: BundleVerification) -> String { found.steps.first { $0.title == "uptime" }?.finding ?? "" }
        let lead: Int64 = 72 * 60
        let whole = try maintained([(lead, 0, 40)], MaintenanceRules())
        #expect(whole.holds && uptime(whole).contains("43157 good of 43160 minutes (3 bad, 0 of them unmeasured, 40 excluded)"), "\(whole.steps)")
        let late = try maintained([(lead - 1, 0, 40)], MaintenanceRules())
        #expect(late.holds && uptime(late).contains("43 bad, 0 of them unmeasured, 0 excluded"))
        #expect(late.steps.contains { $0.finding.contains("announced 4319 minutes ahead, too late, 4320 were agreed: disk | swap") })
        let capped = try maintained([(lead, 0, 20), (lead, 10, 300)], MaintenanceRules(monthlyMinutes: 30))
        #expect(capped.holds && uptime(capped).contains("43157 good of 43170 minutes (13 bad, 0 of them unmeasured, 30 excluded)"))
        // 1 June 2026 is a Monday.
        let night = MaintenanceRules(window: .init(weekday: 7, from: 1_380, until: 15))
        let agreed = try maintained([(lead, 0, 40)], night)
        #expect(agreed.holds && uptime(agreed).contains("28 bad, 0 of them unmeasured, 15 excluded"), "what was left of Sunday night")
        let none = try maintained([(lead, 0, 40)], nil)
        #expect(none.holds && uptime(none).contains("43 bad, 0 of them unmeasured, 0 excluded"))
        #expect(!(try maintained([(lead, 0, 40)], MaintenanceRules(), version: EvidenceBundle.earlierVersion)).holds, "earlier bundles have none")
    }

    @Test func aContractThatIsMissingOrAnotherOnesIsRefused() throws {
        var fixture = try EvidenceMonthFixture([try EvidenceMonthFixture.stretch(bad: 43)])
        let promise = fixture.bundle.promises[0]
        let month = EvidenceMonthFixture.month.minutes
        func contract(_ id: String, _ month: Range<Int64>) -> EvidenceContract {
            EvidenceContract(promise: id, codes: [], maintenance: MaintenanceRules(), month: month, clock: .utc)
        }
        for contracts in [
            [contract("another", month)], [contract(promise.id, month), contract(promise.id, month)],
            [contract(promise.id, month.lowerBound + 1..<month.upperBound)], [contract(promise.id, month.lowerBound - 60..<month.upperBound)],
        ] {
            fixture.bundle.contracts = contracts
            #expect(failing(try fixture.verify()).contains("contract"), "\(contracts)")
        }
        fixture.bundle.contracts = [contract(promise.id, month)]
        fixture.bundle.exclusions = [
            EvidenceExclusion(
                promise: promise.id, code: "customer_network", minutes: month.lowerBound..<month.lowerBound + 1, approval: "", reason: "")
        ]
        #expect(failing(try fixture.verify()) == ["exclusion"], "the contract has no such exclusion")
        fixture.bundle.version = EvidenceBundle.earlierVersion
        fixture.bundle.contracts = []
        let earlier = try fixture.verify()
        #expect(failing(earlier) == [], "bundles of before there were contracts hold as they did")
        let plain = BundleVerification.Step(
            title: "contract", finding: "written by an older version, without contracts: what it leaves out is told, not judged", holds: true)
        #expect(earlier.steps.contains(plain))
    }

    @Test func contractsAreReadAsTheyAreWritten() throws {
        let month = EvidenceMonthFixture.month.minutes
        let clock = ZoneClock([.init(since: month.lowerBound, ahead: 120), .init(since: month.lowerBound + 500, ahead: -60)])
        let rules: [MaintenanceRules?] = [
            nil, MaintenanceRules(), MaintenanceRules(leadSeconds: 0, monthlyMinutes: 0, window: .init(weekday: nil, from: 0, until: 1_440)),
            MaintenanceRules(window: .init(weekday: 7, from: 1_320, until: 120)),
        ]
        func fields(_ line: String) -> [String] { line.split(separator: "|", omittingEmptySubsequences: false).map(String.init) }
        for rules in rules {
            let contract = EvidenceContract(promise: "a|b", codes: ["x", "y"], maintenance: rules, month: month, clock: clock)
            #expect(EvidenceContract(fields(contract.line)) == contract)
        }
        let planned = EvidenceMaintenance(promise: "p", planned: PlannedMaintenance(announced: 1, starts: 2, ends: 3, reason: "a\nb"))
        #expect(EvidenceMaintenance(fields(planned.line)) == planned)
        for line in [
            "contract|p||1,2|2026-06-01T00:00Z|2026-07-01T00:00Z|=0", "contract|p||1,2,any|2026-06-01T00:00Z|2026-09-01T00:00Z|=0",
            "contract|p||1,2,8,0,1|2026-06-01T00:00Z|2026-07-01T00:00Z|=0", "contract|p||-|2026-06-01T00:00Z|2026-07-01T00:00Z|=9999999",
            "maintenance|p|1|3|2|backwards", "maintenance|p|01|2|3|zeros", "maintenance|p|9223372036854775807|2|3|far",
        ] {
            #expect(EvidenceContract(fields(line)) == nil && EvidenceMaintenance(fields(line)) == nil, "\(line)")
        }
    }

    @Test func theSameMonthGivesTheSameBytes() throws {
        let stretches = [try EvidenceMonthFixture.stretch("a"), try EvidenceMonthFixture.stretch("b", bad: 1)]
        let (one, other) = (try EvidenceMonthFixture(stretches).bytes(), try EvidenceMonthFixture(stretches).bytes())
        #expect(one == other)
    }

    @Test func hostileFiguresAreRefusedAndNotComputed() throws {
        for text in ["9223372036854775807/1", "1/0", "-1/2", "1/9999999999", "a/b", "1"] { #expect(BundleText.ratio(text, limit: 1_000_000) == nil) }
        for counts in ["9223372036854775807|0|0|0|0|good", "0|0|1099511627777|0|0|good:idle", "9223372036854775807|9223372036854775807|0|0|0|bad"] {
            let leaf = "v1|\(EvidenceMonthFixture.tenant)|pro-8b|eu|2026-06-30T23:59Z|\(counts)"
            #expect(LeafCounts(counts) == nil && MinuteLeaf(leaf) == nil && EvidenceCorrection(line: "correction|1|\(leaf)") == nil, "\(counts)")
        }
        #expect(BundleText.unescape(BundleText.escape("a|b\n% ü")) == "a|b\n% ü")
        #expect(BundleText.unescape("%zz") == nil)
    }
}
