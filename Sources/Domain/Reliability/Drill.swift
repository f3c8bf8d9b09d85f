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
    /// Requests of its models that were accepted in its regions while it lasted.
    package var requests: Int64
    /// Of them, those that failed by our fault.
    package var lost: Int64
    /// Minutes of tenants that it made bad.
    package var badMinutes: Int64
    /// From its beginning to the first sign; nil: nobody noticed.
    package var detectedAfter: Int64?
    /// From the first sign until the first mitigation was in force at all connected gateways; nil: none was needed.
    package var mitigatedAfter: Int64?
    /// First tokens of its minutes, and those later than their tier's objective.
    package var firstTokens: LatencyCounter
    /// It was ended before its time was over.
    package var isAborted: Bool
    /// Gateways that have told nothing since its end: what they counted is missing.
    package var silentGateways: Int64

    package static let mostDetection: Int64 = 60_000_000
    package static let mostMitigation: Int64 = 5_000_000
    /// Of fewer requests nothing follows: neither that a promise held, nor that a fallback serves.
    package static let fewestRequests: Int64 = 10

    package init(
        requests: Int64, lost: Int64, badMinutes: Int64, detectedAfter: Int64?, mitigatedAfter: Int64?,
        firstTokens: LatencyCounter = LatencyCounter(),
        isAborted: Bool = false, silentGateways: Int64 = 0
    ) {
        self.requests = requests
        self.lost = lost
        self.badMinutes = badMinutes
        self.detectedAfter = detectedAfter
        self.mitigatedAfter = mitigatedAfter
        self.firstTokens = firstTokens
        self.isAborted = isAborted
        self.silentGateways = silentGateways
    }

    /// Why the promise did not hold, in words for the operator; empty: nothing speaks against it.
    package func failures(of kind: DrillKind) -> [String] {
        var failures: [String] = []
        if lost > 0 { failures.append("\(lost) of \(Counted.text(requests, "request")) \(lost == 1 ? "was" : "were") lost") }
        if badMinutes > 0 { failures.append("\(Counted.text(badMinutes, "minute")) of tenants \(badMinutes == 1 ? "was" : "were") bad") }
        if kind.mustBeDetected {
            if let detectedAfter {
                if detectedAfter > Self.mostDetection { failures.append("it was noticed after \(detectedAfter / 1_000_000) s, and 60 s are allowed") }
            } else if !isAborted {
                failures.append("nobody noticed it")
            }
        }
        if let mitigatedAfter, mitigatedAfter > Self.mostMitigation {
            failures.append("it was acted upon \(mitigatedAfter / 1_000_000) s after it was noticed, and 5 s are allowed")
        }
        // A region that is slow keeps its promise where the 95th percentile of the first token does.
        if kind == .slowRegion, firstTokens.isBreach == true {
            failures.append(
                "\(firstTokens.over) of \(firstTokens.samples) first tokens were later than the objective, and \(firstTokens.allowed) may be")
        }
        return failures
    }

    /// Why nothing is known of the promise, in words for the operator; empty: enough was seen. Where nobody asks nothing is kept.
    package func gaps(of kind: DrillKind) -> [String] {
        var gaps: [String] = []
        if isAborted { gaps.append("it was aborted before its time was over") }
        if silentGateways > 0 {
            gaps.append("\(Counted.text(silentGateways, "gateway")) told nothing since its end, so that what was counted there is missing")
        }
        if requests < Self.fewestRequests {
            gaps.append(
                "\(requests == 0 ? "no request" : requests == 1 ? "only 1 request" : "only \(requests) requests") met it, and \(Self.fewestRequests) are needed to tell: send load"
            )
        }
        if kind == .slowRegion, firstTokens.isBreach == nil { gaps.append("no first token was measured, so nothing is known of the objective") }
        return gaps
    }

    package enum Verdict: String, Sendable {
        case held
        case failed
        /// Nothing speaks against the promise, and too little for it.
        case unproven
    }

    package func verdict(of kind: DrillKind) -> Verdict {
        if !failures(of: kind).isEmpty { return .failed }
        return gaps(of: kind).isEmpty ? .held : .unproven
    }
}

extension DrillKind {
    /// What it takes away leaves the work to a fallback; other kinds leave something of the same provider and place, or everything.
    package var triesFallback: Bool { self == .providerLoss || self == .slowRegion }
}

/// Requests of a SKU's customers that its fallback served while a drill lasted.
package struct FallbackUse: Sendable, Equatable {
    package var sku: String
    /// By workers of its region that another provider owns than the one that was lost.
    package var otherProvider: Int64
    /// By workers of its backup region.
    package var backupRegion: Int64
    /// By its fallback SKU's model, while a mitigation let that answer.
    package var fallbackModel: Int64

    package init(sku: String, otherProvider: Int64, backupRegion: Int64, fallbackModel: Int64) {
        self.sku = sku
        self.otherProvider = otherProvider
        self.backupRegion = backupRegion
        self.fallbackModel = fallbackModel
    }

    /// So many requests were served that the drill says something of this fallback.
    package var isTried: Bool { otherProvider + backupRegion + fallbackModel >= DrillFindings.fewestRequests }
}
