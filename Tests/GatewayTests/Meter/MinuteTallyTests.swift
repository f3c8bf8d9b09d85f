import Domain
import PlimsollWire
import Testing

@testable import Gateway

@Suite struct MinuteTallyTests {
    private func completion(provider: String?, tokens: Int, lastAfter: Int64, purpose: KeyPurpose? = nil) -> Completion {
        let subject = UsageSubject(
            tenant: "t", key: "k", tier: "pro", model: "m", region: "eu", firstTokenObjective: 1_500_000, purpose: purpose)
        var admission = SpoolStand.admission(1)
        admission.subject = subject
        var evidence = SpoolStand.completion(1, sequence: 1, completionTokens: tokens).evidence
        evidence.finishedAfter = lastAfter
        let target = provider.map { UsageTarget(release: "r", worker: "w", provider: $0) }
        let made = Completion(admission: admission, sequence: 1, target: target, evidence: evidence)
        made.queuedFor = 30
        return made
    }

    @Test func `a minute is counted for each provider that answered in it`() {
        var tally = MinuteTally()
        for provider in ["alpha", "beta", "alpha", nil] { tally.count(completion(provider: provider, tokens: 5, lastAfter: 9), outcome: .good) }
        let counted = tally.take()
        let good = Dictionary(uniqueKeysWithValues: counted.map { ($0.key.subject.provider, $0.value.outcomes[Outcome.good.place]) })
        #expect(good == ["alpha": 2, "beta": 1, "": 1])
    }

    @Test func `the time to the last token is counted at 256 and 512 tokens, strictly above the objective`() {
        var tally = MinuteTally()
        for (tokens, after) in [(256, 8_000_000), (256, 8_000_001), (255, 9_000_000), (512, 15_000_000)] {
            tally.count(completion(provider: "alpha", tokens: tokens, lastAfter: Int64(after)), outcome: .good)
        }
        let counters = tally.take().map { MinuteCounters($0.key, $0.value) }
        #expect(counters.map(\.lastTokenSamples) == [2] && counters.map(\.lastTokenOver) == [1])
        #expect(counters.first?.longLastTokenHistogram == [LatencyHistogram.index(of: 15_000_000): 1])
        #expect(counters.first?.streams == 4 && counters.first?.queueHistogram == [30: 4])
    }

    @Test func `a time of retrieval is counted beside ours, and only where one was told`() {
        var tally = MinuteTally()
        let told = completion(provider: "alpha", tokens: 5, lastAfter: 900_000)
        told.evidence.firstTokenAfter = 200_000
        told.retrieval = 50_000
        for outcome in [Outcome.good, .serverError] { tally.count(told, outcome: outcome) }
        let counters = tally.take().map { MinuteCounters($0.key, $0.value) }
        #expect(counters.first?.retrievalHistogram == [LatencyHistogram.index(of: 50_000): 2])
        #expect(counters.first?.retrievedFirstTokenHistogram == [LatencyHistogram.index(of: 250_000): 1])
        #expect(counters.first?.retrievedLastTokenHistogram == [LatencyHistogram.index(of: 950_000): 1])
        tally.count(completion(provider: "alpha", tokens: 5, lastAfter: 9), outcome: .good)
        let silent = tally.take().map { MinuteCounters($0.key, $0.value) }.first
        #expect(silent?.retrievalHistogram == nil && silent?.retrievedLastTokenHistogram == nil)
    }

    @Test func `probes are in no minute, drills are counted apart, and nothing is billed for either`() {
        var tally = MinuteTally()
        for purpose in [nil, KeyPurpose.probe, .drill] {
            let ended = completion(provider: "alpha", tokens: 5, lastAfter: 9, purpose: purpose)
            #expect(ended.billable.completion == (purpose == nil ? 5 : 0))
            tally.count(ended, outcome: .good)
        }
        let counters = tally.take().map { MinuteCounters($0.key, $0.value) }
        #expect(counters.count == 2 && counters.compactMap(\.drill) == [true])
    }
}
