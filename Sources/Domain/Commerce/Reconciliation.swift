/// Compares what gateways counted with what is stored, tolerance zero unless a contract says otherwise (reference, section 2.7).
package struct Reconciliation: Sendable, Equatable {
    package struct Totals: Sendable, Equatable {
        package var requests: Int64
        package var tokens: Int64

        package init(requests: Int64, tokens: Int64) {
            self.requests = requests
            self.tokens = tokens
        }
    }

    package var missingRequests: Int64
    package var missingTokens: Int64
    package var isMatch: Bool
    private let gatewayTokens: Int64

    package init(gateway: Totals, rows: Totals, tolerance: Int64 = 0) {
        missingRequests = gateway.requests - rows.requests
        missingTokens = gateway.tokens - rows.tokens
        isMatch = missingRequests.magnitude <= tolerance && missingTokens.magnitude <= tolerance
        gatewayTokens = gateway.tokens
    }

    /// Missing tokens in millionths of the gateways' count, three decimals; nil without tokens.
    package var driftPartsPerMillion: String? {
        guard gatewayTokens > 0, missingTokens.magnitude < 1 << 40 else { return nil }
        return Ratio(missingTokens * 1_000_000, gatewayTokens).decimal(places: 3)
    }
}

/// Sequence numbers of one gateway's records that are missing below a watermark. An invoice may not be closed over a gap.
package enum SequenceGaps {
    /// - Parameters:
    ///   - seen: Numbers from 1, in any order.
    ///   - limit: At most so many gaps are listed.
    package static func find(seen: some Sequence<Int64>, watermark: Int64, limit: Int = 10_000) -> [Int64] {
        let known = Set(seen)
        guard watermark >= 1 else { return [] }
        return Array((1...watermark).lazy.filter { !known.contains($0) }.prefix(limit))
    }
}
