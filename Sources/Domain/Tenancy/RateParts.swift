/// Amounts of the three limits of a minute, taken together.
package struct RateParts: Sendable, Equatable {
    package var requests: Int
    package var tokens: Int
    package var concurrent: Int

    package static let none = RateParts(requests: 0, tokens: 0, concurrent: 0)

    package init(requests: Int, tokens: Int, concurrent: Int) {
        self.requests = requests
        self.tokens = tokens
        self.concurrent = concurrent
    }

    /// The part of the gateway with this place among so many: the parts of all add up to the whole, to the last unit.
    package func part(_ rank: Int, of count: Int) -> RateParts {
        func share(_ amount: Int) -> Int { (rank + 1) * amount / count - rank * amount / count }
        return RateParts(requests: share(requests), tokens: share(tokens), concurrent: share(concurrent))
    }

    /// The lesser of each.
    package func least(_ other: RateParts) -> RateParts {
        RateParts(requests: min(requests, other.requests), tokens: min(tokens, other.tokens), concurrent: min(concurrent, other.concurrent))
    }

    /// The greater of each.
    package func greatest(_ other: RateParts) -> RateParts {
        RateParts(requests: max(requests, other.requests), tokens: max(tokens, other.tokens), concurrent: max(concurrent, other.concurrent))
    }

    /// Never below nothing.
    package static func - (left: RateParts, right: RateParts) -> RateParts {
        RateParts(
            requests: max(0, left.requests - right.requests), tokens: max(0, left.tokens - right.tokens),
            concurrent: max(0, left.concurrent - right.concurrent))
    }

    package static func + (left: RateParts, right: RateParts) -> RateParts {
        RateParts(
            requests: left.requests + right.requests, tokens: left.tokens + right.tokens, concurrent: left.concurrent + right.concurrent)
    }
}

/// How gateways lend each other what they do not need of the limits of a minute.
///
/// Each has its part without asking, also when it is cut off. One that needs less may promise to use no more than so much for a while; what that
/// leaves is lent to others until before the promise ends. So the sum never exceeds the limit, whoever is cut off and whichever answer is lost.
package enum RateLending {
    /// What can be lent to one gateway now.
    ///
    /// - Parameters:
    ///   - parts: Of all gateways.
    ///   - promises: Of those that promised for longer than a loan lasts, by their place in `parts`.
    ///   - loans: What others have been lent and may still use.
    package static func free(parts: [RateParts], promises: [Int: RateParts], loans: [RateParts]) -> RateParts {
        let spared = promises.reduce(RateParts.none) { sum, promise in
            parts.indices.contains(promise.key) ? sum + (parts[promise.key] - promise.value) : sum
        }
        return spared - loans.reduce(.none, +)
    }
}
