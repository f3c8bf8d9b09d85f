/// A synthetic failure on a live installation.
package enum DrillKind: String, Sendable, CaseIterable {
    case workerLoss = "worker-loss"
    case providerLoss = "provider-loss"
    case slowRegion = "slow-region"
    case wrongAnswers = "wrong-answers"
    case controlLoss = "control-loss"

    /// Somebody must notice it: workers that are lost or wrong. A slow region is seen only where its objective is missed, and a control plane
    /// that is gone notices nothing.
    package var mustBeDetected: Bool {
        switch self {
        case .workerLoss, .providerLoss, .wrongAnswers: true
        case .slowRegion, .controlLoss: false
        }
    }

    /// Takes workers away, so that others must be left.
    package var takesWorkers: Bool { self != .controlLoss && self != .slowRegion }
}

/// What a drill has shown. Times are microseconds.
package struct DrillFindings: Sendable, Equatable {
    /// Customers' requests that were accepted while it lasted.
    package var requests: Int64
    /// Of them, those that failed by our fault.
    package var lost: Int64
    /// Minutes of tenants that it made bad.
    package var badMinutes: Int64
    /// From its beginning to the first sign; nil: nobody noticed.
    package var detectedAfter: Int64?
    /// From the first sign to the first mitigation; nil: none.
    package var mitigatedAfter: Int64?
    /// First tokens of its minutes, and those later than their tier's objective.
    package var firstTokens: LatencyCounter

    package static let mostDetection: Int64 = 60_000_000
    package static let mostMitigation: Int64 = 5_000_000

    package init(
        requests: Int64, lost: Int64, badMinutes: Int64, detectedAfter: Int64?, mitigatedAfter: Int64?, firstTokens: LatencyCounter = LatencyCounter()
    ) {
        self.requests = requests
        self.lost = lost
        self.badMinutes = badMinutes
        self.detectedAfter = detectedAfter
        self.mitigatedAfter = mitigatedAfter
        self.firstTokens = firstTokens
    }

    /// A region that is slow keeps its promise where the 95th percentile of the first token does. Where nobody asks nothing is kept.
    private var slowness: [String] {
        guard let isLate = firstTokens.isBreach else { return ["no first token was measured, so nothing is known of the objective: send load"] }
        return isLate
            ? ["\(firstTokens.over) of \(firstTokens.samples) first tokens were later than the objective, and \(firstTokens.allowed) may be"] : []
    }

    /// Why the promise did not hold, in words for the operator; empty: it held.
    package func failures(of kind: DrillKind) -> [String] {
        var failures: [String] = []
        if lost > 0 { failures.append("\(lost) of \(requests) requests were lost") }
        if badMinutes > 0 { failures.append("\(badMinutes) minutes of tenants were bad") }
        if kind.mustBeDetected {
            if let detectedAfter {
                if detectedAfter > Self.mostDetection { failures.append("it was noticed after \(detectedAfter / 1_000_000) s, and 60 s are allowed") }
            } else {
                failures.append("nobody noticed it")
            }
        }
        if let mitigatedAfter, mitigatedAfter > Self.mostMitigation {
            failures.append("it was acted upon \(mitigatedAfter / 1_000_000) s after it was noticed, and 5 s are allowed")
        }
        if kind == .slowRegion { failures += slowness }
        return failures
    }
}
