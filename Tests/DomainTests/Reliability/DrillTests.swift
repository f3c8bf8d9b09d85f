import Domain
import Testing

@Suite("Drills")
struct DrillTests {
    private static let clean = DrillFindings(
        requests: 100, lost: 0, badMinutes: 0, detectedAfter: 59_000_000, mitigatedAfter: 4_000_000,
        firstTokens: LatencyCounter(samples: 100, over: 5))

    @Test("the promise held when nobody lost a request, it was noticed within a minute and acted upon within five seconds")
    func held() {
        #expect(DrillKind.allCases.allSatisfy { Self.clean.failures(of: $0).isEmpty })
    }

    @Test("each thing that went wrong is told")
    func failures() {
        let bad = DrillFindings(requests: 100, lost: 2, badMinutes: 1, detectedAfter: 61_000_000, mitigatedAfter: 6_000_000)
        #expect(bad.failures(of: .providerLoss).count == 4)
        #expect(bad.failures(of: .controlLoss).count == 3, "a control plane that is gone notices nothing")
    }

    @Test("a slow region is judged by the objective of the first token, and by nothing where nobody asked")
    func slowness() {
        var findings = Self.clean
        findings.firstTokens = LatencyCounter(samples: 100, over: 6)
        #expect(findings.failures(of: .slowRegion).count == 1 && findings.failures(of: .providerLoss).isEmpty)
        findings.firstTokens = LatencyCounter()
        #expect(findings.failures(of: .slowRegion).isEmpty && findings.verdict(of: .slowRegion) == .unproven)
        #expect(findings.verdict(of: .providerLoss) == .held)
    }

    @Test("what must be noticed and was not is a failure; no mitigation is none, for a worker's loss may need none")
    func unnoticed() {
        var findings = Self.clean
        (findings.detectedAfter, findings.mitigatedAfter) = (nil, nil)
        for kind in DrillKind.allCases { #expect(findings.failures(of: kind).isEmpty == !kind.mustBeDetected) }
    }

    @Test("a drill that hardly anybody met proves nothing, whatever its kind", arguments: [0, 1, 9])
    func unmet(_ requests: Int64) {
        var findings = Self.clean
        findings.requests = requests
        for kind in DrillKind.allCases {
            #expect(findings.verdict(of: kind) == .unproven && findings.failures(of: kind).isEmpty && findings.gaps(of: kind).count == 1)
        }
        findings.lost = 1
        #expect(DrillKind.allCases.allSatisfy { findings.verdict(of: $0) == .failed }, "what was lost was lost")
    }

    @Test("a drill that was aborted proves nothing, and that nobody had noticed it by then is no failure")
    func aborted() {
        var findings = Self.clean
        (findings.isAborted, findings.detectedAfter) = (true, nil)
        #expect(DrillKind.allCases.allSatisfy { findings.verdict(of: $0) == .unproven })
    }

    @Test("a fallback is tried when enough requests were served by it, however", arguments: [(9, 0, 0, false), (0, 10, 0, true), (4, 3, 3, true)])
    func fallbacks(_ provider: Int64, _ region: Int64, _ model: Int64, _ isTried: Bool) {
        #expect(FallbackUse(sku: "s", otherProvider: provider, backupRegion: region, fallbackModel: model).isTried == isTried)
    }
}
