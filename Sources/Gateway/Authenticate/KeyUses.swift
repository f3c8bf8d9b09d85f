import Domain
import PlimsollWire
import Synchronization

/// When and from where a key was used last, as far as its gateway has noted it: once a minute from each of a few addresses, so that a busy key costs no more
/// than a few comparisons.
final class KeyUseMark: Sendable {
    private static let interval: Int64 = 60
    /// Of a minute. A key that is used from more of them is told of often enough.
    static let mostSites = 8

    /// The minute times 16, and how many sites of it have been noted.
    private let known = Atomic<Int64>(.min)
    private let sites = InlineArray<8, Atomic<Int>>({ _ in Atomic<Int>(0) })

    /// True for the first use of a minute from an address, while there are few; of two loops at once both may be.
    ///
    /// - Parameter address: Nil: not known, which counts as one more.
    func isDue(nowSeconds: Int64, from address: NetworkAddress?) -> Bool {
        let minute = (nowSeconds / Self.interval) << 4
        let noted = known.load(ordering: .relaxed)
        let count = noted & ~15 == minute ? Int(noted & 15) : 0
        guard count < Self.mostSites else { return false }
        let site = address?.site.hashValue ?? 0
        for index in 0..<count where sites[index].load(ordering: .relaxed) == site { return false }
        sites[count].store(site, ordering: .relaxed)
        known.store(minute | Int64(count + 1), ordering: .relaxed)
        return true
    }
}

/// The uses of keys that one loop noted since they were taken last.
struct KeyUses {
    private static let most = 10_000

    private struct Name: Hashable {
        var key: String
        var site: NetworkAddress?
    }

    private var uses: [Name: KeyUse] = [:]

    mutating func note(_ key: String, nowSeconds: Int64, from address: NetworkAddress?) {
        let name = Name(key: key, site: address?.site)
        guard uses.count < Self.most || uses[name] != nil else { return }
        uses[name] = KeyUse(key: key, at: nowSeconds, address: name.site?.text)
    }

    mutating func take() -> [KeyUse] {
        defer { uses = [:] }
        return Array(uses.values)
    }
}
