import Domain
import PlimsollWire
import Synchronization

/// When a key was used last, as far as its gateway has noted it: once a minute, so that a busy key costs no more than a comparison.
final class KeyUseMark: Sendable {
    private static let interval: Int64 = 60

    private let last = Atomic<Int64>(.min)

    /// True for the first use of a minute; of two loops at once both may be.
    func isDue(nowSeconds: Int64) -> Bool {
        let minute = nowSeconds / Self.interval
        guard last.load(ordering: .relaxed) != minute else { return false }
        last.store(minute, ordering: .relaxed)
        return true
    }
}

/// The uses of keys that one loop noted since they were taken last.
struct KeyUses {
    private static let most = 10_000

    private var uses: [String: KeyUse] = [:]

    mutating func note(_ key: String, nowSeconds: Int64, from address: NetworkAddress?) {
        guard uses.count < Self.most || uses[key] != nil else { return }
        uses[key] = KeyUse(key: key, at: nowSeconds, address: address?.site.text)
    }

    mutating func take() -> [KeyUse] {
        defer { uses = [:] }
        return Array(uses.values)
    }
}
