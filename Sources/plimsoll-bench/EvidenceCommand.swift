import ArgumentParser
import Cryptography
import Domain
import Foundation

/// A month of leaves for many tenants into trees, uptimes and credits, as a control plane computes them: one tenant at a time in each thread.
struct EvidenceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evidence", abstract: "A month of minutes of many tenants into trees, uptimes and credits; prints one JSON object.")

    @Option(help: "Tenants, of one model and region each.") var tenants = 1_000
    @Option(help: "Threads.") var threads = 2
    @Option(help: "Minutes with requests, per cent; each differs from the one before it.") var busy = 50

    func run() async throws {
        let begins = ContinuousClock.now
        let (tenants, threads, busy) = (tenants, threads, busy)
        let sums = await withTaskGroup(of: Sums.self) { group in
            for thread in 0..<threads {
                group.addTask {
                    stride(from: thread, to: tenants, by: threads).reduce(into: Sums()) { $0.add(Self.month(of: $1, busy: busy)) }
                }
            }
            return await group.reduce(into: Sums()) { $0.add($1) }
        }
        let seconds = Self.seconds(ContinuousClock.now - begins)
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        print(
            "{\"tenants\":\(tenants),\"leaves\":\(sums.leaves),\"bad\":\(sums.bad),\"credited\":\(sums.credited),\"seconds\":\(seconds),"
                + "\"leaves_a_second\":\(Int(Double(sums.leaves) / seconds)),\"peak_rss_mib\":\(usage.ru_maxrss / 1_024),\"roots\":\"\(sums.roots)\"}"
        )
    }

    private static func seconds(_ time: Duration) -> Double { Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18 }

    /// Tree and outcome of one tenant; the stored text of its days is read too, as a control plane reads it.
    private static func month(of tenant: Int, busy: Int) -> Sums {
        let month = BillingPeriod(year: 2026, month: 6)
        guard let series = EvidenceSeries(tenant: "tenant-\(tenant)", model: "pro-8b", region: "eu") else { return Sums() }
        var stretch = EvidenceStretch(series: series, since: month.minutes.lowerBound)
        for day in 0..<30 {
            guard let runs = LeafRuns(self.day(tenant, day, busy).text) else { return Sums() }
            stretch.runs.append(runs)
        }
        let tree = EvidenceWalk.frontier([stretch])
        let terms = EvidenceTerms(
            id: "pro-1", rule: .anyBad, credit: CreditTerms(objective: Ratio(999, 1000)), latency: .init(threshold: 1_500_000))
        let outcome = MonthOutcome([stretch], terms: terms)
        return Sums(
            leaves: tree.count, bad: Int(outcome.bad), credited: outcome.percent > Ratio(0, 1) ? 1 : 0, roots: tree.root.hex.prefix(8).description)
    }

    private static func day(_ tenant: Int, _ day: Int, _ busy: Int) -> LeafRuns {
        var runs = LeafRuns()
        var random = UInt64(tenant * 31 + day)
        for _ in 0..<1440 {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let draw = Int(random >> 33)
            guard draw % 100 < busy else {
                runs.append(LeafCounts(status: .goodIdle))
                continue
            }
            let (good, bad): (Int64, Int64) = (Int64(draw / 100 % 500) + 1, draw / 50_000 % 1_000 == 0 ? 1 : 0)
            runs.append(
                LeafCounts(
                    good: good, bad: bad, firstTokens: LatencyCounter(samples: good, over: good / 30), status: bad > 0 ? .bad : .good))
        }
        return runs
    }
}

private struct Sums: Sendable {
    var leaves = 0
    var bad = 0
    var credited = 0
    /// Of one tenant, so that no work can be left out unseen.
    var roots = ""

    mutating func add(_ other: Sums) {
        leaves += other.leaves
        bad += other.bad
        credited += other.credited
        if !other.roots.isEmpty { roots = other.roots }
    }
}
