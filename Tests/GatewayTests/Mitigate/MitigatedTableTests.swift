import Domain
import PlimsollWire
import Testing

@testable import Gateway

@Suite("A table's mitigations, as values")
struct MitigatedTableTests {
    private func worker(
        _ id: String, provider: String = "a", region: String = "eu", pool: String = "p", release: String = "r", weight: Int = 1_000_000,
        standbyWeight: Int? = nil
    )
        -> WorkerEntry
    {
        WorkerEntry(
            id: id, host: "h-" + id, provider: provider, pool: pool, region: region, model: "m", release: release, dialect: .vllm, link: .direct,
            url: "http://127.0.0.1:1", draining: false, slots: 4, contextTokens: 4096, weight: weight, standbyWeight: standbyWeight)
    }

    private func table(_ workers: [WorkerEntry], weights: [String: Int] = ["r": 1_000_000], _ mitigations: MitigationEntry...) -> TableContents {
        var table = TableContents(version: 1, issuedAtSeconds: 0)
        table.workers = workers
        table.models["m"] = ModelEntry(
            name: "m", contextTokens: 4096, createdAtSeconds: 0, tiers: [], releaseWeights: weights,
            formerShares: ["old": FormerShare(weightPpm: 1_000_000, lostAtSeconds: 50)])
        table.tenants["t"] = TenantEntry(id: "t", tier: "hobby", active: true, allowedRegions: [], cacheSalt: "")
        table.mitigations = mitigations
        return table.mitigated(region: "eu", nowSeconds: 100)
    }

    private func draining(_ table: TableContents) -> [String] { table.workers.filter(\.draining).map(\.id).sorted() }

    @Test("batches are shortened for the model that is named, the least share counts, and other tiers and models go on as always")
    func shortensBatches() throws {
        let entries = [("m", 25), ("m", 40), ("n", 900)].map { (model: String, value: Int) in
            MitigationEntry(id: "\(value)", action: "shorten_batch_window", model: model, value: value, expiresAtSeconds: 1)
        }
        let relief = try #require(TierRelief(entries, tier: "pro"))
        #expect(relief.batchPercent("m") == 25 && relief.batchPercent("n") == 100 && relief.batchPercent("other") == 100)
        #expect(relief.endsBatchWindow("m") && relief.endsBatchWindow("n") && !relief.endsBatchWindow("other"))
        #expect(relief.outputCap("m") == nil && relief.refusal("m", promptTokens: 9_000) == nil)
    }

    @Test("a worker, or a provider in a region, is drained, and what is over or unknown has no effect")
    func drains() {
        let all = [worker("1"), worker("2"), worker("3", region: "us"), worker("4", provider: "b")]
        #expect(draining(table(all, MitigationEntry(id: "x", action: "drain_worker", worker: "2", expiresAtSeconds: 101))) == ["2"])
        #expect(draining(table(all, MitigationEntry(id: "x", action: "restart_worker", worker: "2", expiresAtSeconds: 101))) == ["2"])
        let provider = MitigationEntry(id: "x", action: "drain_provider", region: "eu", provider: "a", expiresAtSeconds: 101)
        #expect(draining(table(all, provider)) == ["1", "2"])
        let everywhere = MitigationEntry(id: "x", action: "drain_provider", provider: "a", expiresAtSeconds: 101)
        #expect(draining(table(all, everywhere)) == ["1", "2"], "of the other region it is the last")
        #expect(draining(table(all + [worker("5", provider: "b", region: "us")], everywhere)) == ["1", "2", "3"])
        #expect(draining(table(all, MitigationEntry(id: "x", action: "drain_worker", worker: "2", expiresAtSeconds: 100))).isEmpty)
        let later = table(all, MitigationEntry(id: "x", action: "of_a_later_release", worker: "2", expiresAtSeconds: 101))
        #expect(draining(later).isEmpty && later.mitigations.isEmpty)
    }

    @Test("the last worker of a model is never drained, whatever the order")
    func lastWorker() {
        let both = [
            MitigationEntry(id: "x", action: "drain_worker", worker: "1", expiresAtSeconds: 101),
            MitigationEntry(id: "y", action: "drain_worker", worker: "2", expiresAtSeconds: 101),
        ]
        for order in [both, both.reversed()] {
            var table = table([worker("1"), worker("2")])
            table.mitigations = order
            #expect(draining(table.mitigated(region: "eu", nowSeconds: 100)).count == 1)
        }
        let provider = MitigationEntry(id: "x", action: "drain_provider", provider: "a", expiresAtSeconds: 101)
        #expect(draining(table([worker("1"), worker("2")], provider)).isEmpty)
        // What stands by does not take over.
        #expect(draining(table([worker("1"), worker("2", provider: "b", weight: 0)], provider)).isEmpty)
        // Nor do workers elsewhere: tenants are kept in regions.
        let inEurope = MitigationEntry(id: "x", action: "drain_provider", region: "eu", provider: "a", expiresAtSeconds: 101)
        #expect(draining(table([worker("1"), worker("2", provider: "b", region: "us")], inEurope)).isEmpty)
    }

    @Test(
        "the last worker for long prompts is never drained, and where prompts of all lengths go to all it is one of them",
        arguments: [1000, nil] as [Int?])
    func lastForLongPrompts(threshold: Int?) {
        var long = worker("long")
        long.contextClass = .long
        var table = table([worker("1"), worker("2", provider: "b"), long])
        table.models["m"]?.longContextTokens = threshold
        table.mitigations = [MitigationEntry(id: "x", action: "drain_provider", provider: "a", expiresAtSeconds: 101)]
        #expect(draining(table.mitigated(region: "eu", nowSeconds: 100)) == (threshold == nil ? ["1", "long"] : ["1"]))
    }

    @Test("a release without a share is nobody who is left, whether an operator or a roll-back took it, and in whatever order the table has them")
    func lastShare() {
        let drain = MitigationEntry(id: "x", action: "drain_provider", provider: "a", expiresAtSeconds: 101)
        let back = MitigationEntry(id: "y", action: "roll_back_image", model: "m", release: "new", expiresAtSeconds: 101)
        let both = [worker("1", release: "old"), worker("2", provider: "b", release: "new")]
        #expect(draining(table(both, weights: ["old": 1_000_000, "new": 0], drain)).isEmpty)
        #expect(draining(table(both, weights: ["old": 500_000], drain)).isEmpty)
        #expect(draining(table(both, weights: ["old": 500_000, "new": 500_000], drain)) == ["1"])
        for order in [[drain, back], [back, drain]] {
            var served = table(both, weights: ["old": 500_000, "new": 500_000])
            served.mitigations = order
            served = served.mitigated(region: "eu", nowSeconds: 100)
            #expect(draining(served).isEmpty && served.models["m"]?.releaseWeights == ["old": 500_000, "new": 0])
            // Who takes the share of what was rolled back is left.
            var others = table([worker("1", release: "new"), worker("2", provider: "b", release: "old")], weights: ["old": 0, "new": 1_000_000])
            others.mitigations = order
            #expect(draining(others.mitigated(region: "eu", nowSeconds: 100)) == ["1"])
        }
    }

    @Test("who pays is not left to a provider with a low score alone, by a drain or a roll-back")
    func lowScore() {
        var low = worker("2", provider: "b", release: "old")
        (low.paid, low.lowScore) = (false, true)
        let drain = MitigationEntry(id: "x", action: "drain_provider", provider: "a", expiresAtSeconds: 101)
        let back = MitigationEntry(id: "y", action: "roll_back_image", model: "m", release: "new", expiresAtSeconds: 101)
        let weights = ["old": 500_000, "new": 500_000]
        for isProtected in [false, true] {
            var served = table([worker("1", release: "new"), low], weights: weights)
            served.tiers["pro"] = TierEntry(
                name: "pro", maxPromptTokens: 1, maxOutputTokens: 1, maxBodyBytes: 1, requestsPerMinute: 1, tokensPerMinute: 1, concurrentRequests: 1,
                maxTableAgeSeconds: 1, ttftObjectiveMicroseconds: 1, queue: TierQueue(isProtected: isProtected))
            served.mitigations = [drain]
            #expect(draining(served.mitigated(region: "eu", nowSeconds: 100)) == (isProtected ? [] : ["1"]))
            served.mitigations = [back]
            let held = served.mitigated(region: "eu", nowSeconds: 100).models["m"]?.releaseWeights
            #expect(held == (isProtected ? weights : ["old": 500_000, "new": 0]))
            served.mitigations = [MitigationEntry(id: "z", action: "drain_provider", provider: "b", expiresAtSeconds: 101)]
            #expect(draining(served.mitigated(region: "eu", nowSeconds: 100)) == ["2"], "it is missed by nobody who pays")
        }
    }

    @Test("of two releases that were both rolled back none comes back for the other's sake")
    func bothRolledBack() {
        let backs = ["new", "newer"].map {
            MitigationEntry(id: $0, action: "roll_back_image", model: "m", release: $0, expiresAtSeconds: 101)
        }
        for order in [backs, backs.reversed()] {
            var served = table(
                [worker("1", release: "old"), worker("2", release: "new"), worker("3", release: "newer")],
                weights: ["old": 0, "new": 0, "newer": 1_000_000])
            served.mitigations = order
            #expect(served.mitigated(region: "eu", nowSeconds: 100).models["m"]?.releaseWeights == ["old": 1_000_000, "new": 0, "newer": 0])
        }
    }

    @Test("workers of a pool that stands by take what is theirs, who was taken out stays out, and others keep what they have")
    func pools() {
        let workers = [
            worker("1", weight: 500), worker("2", pool: "warm", weight: 0, standbyWeight: 250_000),
            worker("3", pool: "cold", weight: 0, standbyWeight: 1_000_000), worker("4", pool: "warm", weight: 0),
            worker("5", pool: "warm", weight: 7),
        ]
        for action in ["warm_pool", "reserved_capacity"] {
            let entry = MitigationEntry(id: "x", action: action, pool: "warm", expiresAtSeconds: 101)
            #expect(table(workers, entry).workers.map(\.weight) == [500, 250_000, 0, 0, 7])
        }
    }

    @Test("who is called in is left when others are drained, in whatever order the table has them")
    func calledIn() {
        let entries = [
            MitigationEntry(id: "x", action: "drain_provider", provider: "a", expiresAtSeconds: 101),
            MitigationEntry(id: "y", action: "warm_pool", pool: "warm", expiresAtSeconds: 101),
        ]
        for order in [entries, entries.reversed()] {
            var served = table([worker("1"), worker("2", provider: "b", pool: "warm", weight: 0, standbyWeight: 1_000_000)])
            served.mitigations = order
            #expect(draining(served.mitigated(region: "eu", nowSeconds: 100)) == ["1"])
        }
    }

    @Test("a release is held when another one can serve, which takes its share")
    func release() {
        let entry = MitigationEntry(id: "x", action: "roll_back_image", model: "m", release: "new", expiresAtSeconds: 101)
        let both = [worker("1", release: "old"), worker("2", release: "new")]
        #expect(table(both, weights: ["old": 0, "new": 1_000_000], entry).models["m"]?.releaseWeights == ["old": 1_000_000, "new": 0])
        #expect(table(both, weights: ["old": 900, "new": 100], entry).models["m"]?.releaseWeights == ["old": 900, "new": 0])
        let alone = table([worker("2", release: "new")], weights: ["old": 0, "new": 1_000_000], entry)
        #expect(alone.models["m"]?.releaseWeights["new"] == 1_000_000)
    }

    @Test("a release that had everything gives it back to those that had it last, as they had it, and never to one that was only staged")
    func formerReleases() {
        func weights(_ lost: [String: (weight: Int, at: Int64)], present: [String]) -> [String: Int]? {
            let names = ["a", "b", "staged"]
            var served = table(
                (present + ["new"]).map { worker($0, release: $0) },
                weights: Dictionary(uniqueKeysWithValues: names.map { ($0, 0) } + [("new", 1_000_000)]))
            served.models["m"]?.formerShares = lost.mapValues { FormerShare(weightPpm: $0.weight, lostAtSeconds: $0.at) }
            served.mitigations = [MitigationEntry(id: "x", action: "roll_back_image", model: "m", release: "new", expiresAtSeconds: 101)]
            return served.mitigated(region: "eu", nowSeconds: 100).models["m"]?.releaseWeights.filter { $0.value > 0 }
        }
        let all = ["a", "b", "staged"]
        #expect(weights(["a": (900_000, 50)], present: all) == ["a": 900_000])
        #expect(weights(["a": (700_000, 50), "b": (300_000, 640)], present: all) == ["a": 700_000, "b": 300_000], "one move")
        #expect(weights(["a": (700_000, 50), "b": (300_000, 650)], present: all) == ["b": 300_000], "a was replaced by b")
        #expect(weights(["a": (700_000, 50), "b": (300_000, 650)], present: ["a", "staged"]) == ["a": 700_000], "who is there")
        #expect(weights([:], present: all) == ["new": 1_000_000], "nobody has served but itself")
        #expect(weights(["a": (700_000, 50)], present: ["staged"]) == ["new": 1_000_000])
    }

    @Test("a release that nobody else serves in a region goes on there, and is held in the others")
    func releaseByRegion() {
        func weights(_ workers: [WorkerEntry], in region: String, before: [String: Int]) -> [String: Int]? {
            var served = table(workers, weights: before)
            served.mitigations = [MitigationEntry(id: "x", action: "roll_back_image", model: "m", release: "new", expiresAtSeconds: 101)]
            return served.mitigated(region: region, nowSeconds: 100).models["m"]?.releaseWeights
        }
        let workers = [worker("1", region: "us", release: "old"), worker("2", release: "new"), worker("3", region: "us", release: "new")]
        let both = ["old": 500_000, "new": 500_000]
        #expect(weights(workers, in: "eu", before: both) == both)
        #expect(weights(workers, in: "us", before: both) == ["old": 500_000, "new": 0])
        #expect(weights(workers, in: "ap", before: both) == ["old": 500_000, "new": 0], "of no use to anybody there, wherever it is")
        // What has a share elsewhere alone is nobody who could take it here.
        let three = workers + [worker("4", release: "old"), worker("5", region: "us", release: "third")]
        let shares = ["old": 0, "new": 900_000, "third": 100_000]
        #expect(weights(three, in: "eu", before: shares) == ["old": 1_000_000, "new": 0, "third": 100_000])
        #expect(weights(three, in: "us", before: shares) == ["old": 0, "new": 0, "third": 100_000])
        let resting = [worker("1", release: "old", weight: 0), worker("2", release: "new"), worker("3", region: "us", release: "old")]
        #expect(weights(resting, in: "eu", before: both) == both, "who was taken out takes nothing over")
    }

    @Test("a release that was rolled back stays away while the control plane is away for hours; what else it did ends")
    func longAway() {
        func entry(_ target: MitigationTarget, decidedAt: Int64) -> MitigationEntry {
            MitigationEntry(
                id: "x", action: target.action.rawValue, model: target.model, worker: target.worker, release: target.release,
                expiresAtSeconds: decidedAt + MitigationPolicy().life(of: target))
        }
        let hundredMinutesAgo: Int64 = 100 - 6_000
        let both = [worker("1", release: "old"), worker("2", release: "new")]
        let rolledBack = entry(MitigationTarget(.rollBackImage, model: "m", release: "new"), decidedAt: hundredMinutesAgo)
        #expect(table(both, weights: ["old": 0, "new": 1_000_000], rolledBack).models["m"]?.releaseWeights == ["old": 1_000_000, "new": 0])
        #expect(draining(table(both, entry(MitigationTarget(.drainWorker, worker: "2"), decidedAt: hundredMinutesAgo))).isEmpty)
    }

    @Test("a tenant is throttled at gateways of the region, never more loosely than before")
    func throttle() {
        func share(_ entry: MitigationEntry, before: Int? = nil) -> Int? {
            var table = table([])
            table.tenants["t"]?.throttlePpm = before
            table.mitigations = [entry]
            return table.mitigated(region: "eu", nowSeconds: 100).tenants["t"]?.throttlePpm
        }
        let entry = MitigationEntry(id: "x", action: "throttle_tenant", region: "eu", tenant: "t", value: 250_000, expiresAtSeconds: 101)
        #expect(share(entry) == 250_000 && share(entry, before: 100_000) == 100_000)
        var elsewhere = entry
        elsewhere.region = "us"
        #expect(share(elsewhere) == nil)
    }

    @Test("a backup region and protected pools come first for their tiers; rules of customers stand above them")
    func preference() {
        let entries = [
            MitigationEntry(id: "x", action: "backup_region", tier: "pro", model: "m", region: "eu", toRegion: "us", expiresAtSeconds: 101),
            MitigationEntry(id: "y", action: "protected_pool", tier: "business", pool: "gold", expiresAtSeconds: 101),
        ]
        let workers = [worker("eu-1"), worker("eu-gold", pool: "gold"), worker("us-1", region: "us")].map {
            Worker($0, tally: WorkerTally(number: UInt32(truncatingIfNeeded: $0.id.hashValue) | 1, id: $0.id), load: nil, gate: nil)
        }
        func first(_ tier: String, regions: [String] = []) -> Set<String> {
            let rules = RouteRules(regions: regions, trust: nil, preference: RoutePreference(entries, tier: tier))
            let lane = RouteLane(
                ModelEntry(name: "m", contextTokens: 10, createdAtSeconds: 0, tiers: [], releaseWeights: ["r": 1]), workers: workers, region: "eu",
                rules: rules)
            return Set(lane.shares.flatMap(\.workers).map(\.entry.id))
        }
        #expect(first("pro") == ["us-1"] && first("business") == ["eu-gold"] && first("hobby") == ["eu-1"])
        #expect(first("pro", regions: ["eu"]) == ["eu-1"])
        #expect(RoutePreference([], tier: "pro") == nil && TierRelief(entries, tier: "pro") == nil)
    }
}
