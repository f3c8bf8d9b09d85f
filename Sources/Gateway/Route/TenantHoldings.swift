import Synchronization

/// Places that requests hold, and tokens of KV cache that these are likely to use.
struct Holding: Sendable, Equatable {
    var places = 0
    var tokens = 0

    static func += (sum: inout Holding, other: Holding) {
        sum.places += other.places
        sum.tokens += other.tokens
    }
}

/// A holding that loops write together, without a lock.
struct SharedHolding: ~Copyable, Sendable {
    /// The places stand above the tokens, so that both change at once.
    private static let tokenBits = 40
    private let packed = Atomic<Int>(0)

    func add(_ tokens: Int) { packed.wrappingAdd(1 << Self.tokenBits + tokens, ordering: .relaxed) }
    func remove(_ tokens: Int) { packed.wrappingSubtract(1 << Self.tokenBits + tokens, ordering: .relaxed) }

    var value: Holding {
        let packed = packed.load(ordering: .relaxed)
        return Holding(places: packed >> Self.tokenBits, tokens: packed & (1 << Self.tokenBits - 1))
    }
}

/// What each tenant holds of a worker, and what the tenants of tiers of a rank hold together.
///
/// A count-min sketch of two rows: a tenant is counted in one field of each, by bits of its mark, and the lesser one is what it holds. It is never told too
/// little. Too much it is told only while others share both of its fields, which of two tenants one pair in 65,536 does.
struct TenantHoldings: ~Copyable, Sendable {
    /// Lesser ranks share the last one.
    static let ranks = 4

    private let first = InlineArray<256, SharedHolding>({ _ in SharedHolding() })
    private let second = InlineArray<256, SharedHolding>({ _ in SharedHolding() })
    private let ofRanks = InlineArray<4, SharedHolding>({ _ in SharedHolding() })

    func add(_ need: PlaceNeed) {
        first[Self.firstField(need.tenant)].add(need.tokens)
        second[Self.secondField(need.tenant)].add(need.tokens)
        ofRanks[need.rank].add(need.tokens)
    }

    func remove(_ need: PlaceNeed) {
        first[Self.firstField(need.tenant)].remove(need.tokens)
        second[Self.secondField(need.tenant)].remove(need.tokens)
        ofRanks[need.rank].remove(need.tokens)
    }

    func holding(_ tenant: UInt64) -> Holding {
        let (one, other) = (first[Self.firstField(tenant)].value, second[Self.secondField(tenant)].value)
        return Holding(places: min(one.places, other.places), tokens: min(one.tokens, other.tokens))
    }

    /// Of tiers of this rank, 0 the greatest.
    func holding(of rank: Int) -> Holding { ofRanks[rank].value }

    /// Of tiers of greater ranks.
    func holding(above rank: Int) -> Holding {
        var sum = Holding()
        for index in 0..<rank { sum += ofRanks[index].value }
        return sum
    }

    private static func firstField(_ tenant: UInt64) -> Int { Int(tenant & 255) }
    private static func secondField(_ tenant: UInt64) -> Int { Int(tenant >> 8 & 255) }
}
