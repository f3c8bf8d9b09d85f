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

    @Test("a slow region is judged by the objective of the first token, and by nothing where nobody asked", arguments: [(0, 0), (100, 6)])
    func slowness(_ samples: Int64, _ late: Int64) {
        var findings = Self.clean
        findings.firstTokens = LatencyCounter(samples: samples, over: late)
        #expect(findings.failures(of: .slowRegion).count == 1 && findings.failures(of: .providerLoss).isEmpty)
    }

    @Test("what must be noticed and was not is a failure; no mitigation is none, for a worker's loss may need none")
    func unnoticed() {
        var findings = Self.clean
        (findings.detectedAfter, findings.mitigatedAfter) = (nil, nil)
        for kind in DrillKind.allCases { #expect(findings.failures(of: kind).isEmpty == !kind.mustBeDetected) }
    }
}
