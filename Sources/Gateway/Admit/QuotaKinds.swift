import Domain

extension QuotaKind {
    var index: Int {
        switch self {
        case .tokensPerDay: 0
        case .tokensPerMonth: 1
        case .spendPerMonth: 2
        }
    }
}

/// A set of kinds.
struct QuotaKinds: OptionSet, Sendable {
    let rawValue: UInt8

    static let all = QuotaKinds(rawValue: 7)

    mutating func insert(_ kind: QuotaKind) { formUnion(QuotaKinds(rawValue: 1 << UInt8(kind.index))) }

    func contains(_ kind: QuotaKind) -> Bool { rawValue & 1 << UInt8(kind.index) != 0 }
}

/// Limits of calendar windows; nil: none. Spend in pico-US-dollars.
struct QuotaLimits: Sendable, Equatable {
    var tokensPerDay: Int64?
    var tokensPerMonth: Int64?
    var spendPerMonth: Int64?
}
