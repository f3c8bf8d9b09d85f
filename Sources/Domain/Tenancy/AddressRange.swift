/// An address of the Internet, of either family: 128 bits, IPv4 in its mapped form (RFC 4291, section 2.5.5.2).
package struct NetworkAddress: Hashable, Sendable {
    package let bits: UInt128

    private static let mapped: UInt128 = 0xFFFF << 32

    package init(version4 bits: UInt32) {
        self.bits = Self.mapped | UInt128(bits)
    }

    package init(version6 bits: UInt128) {
        self.bits = bits
    }

    /// Nil when the text is no address. Zones are not taken.
    package init?(_ text: some StringProtocol) {
        let value = text.contains(":") ? Self.version6(text) : Self.version4(text).map { Self.mapped | UInt128($0) }
        guard let value else { return nil }
        bits = value
    }

    package var isVersion4: Bool { bits >> 32 == 0xFFFF }

    /// Of this machine: 127.0.0.0/8 and ::1.
    package var isLoopback: Bool { isVersion4 ? bits >> 24 & 0xFF == 127 : bits == 1 }

    /// What one customer has at least: the address of IPv4, the first 64 bits of IPv6.
    package var site: NetworkAddress {
        isVersion4 ? self : NetworkAddress(version6: bits & ~UInt128(UInt64.max))
    }

    /// As RFC 5952 writes it, but for the shortening of zeros in the middle.
    package var text: String { isVersion4 ? version4Text : version6Text }

    private var version4Text: String { (0..<4).map { String(UInt8(truncatingIfNeeded: bits >> UInt128(24 - 8 * $0))) }.joined(separator: ".") }

    private var version6Text: String {
        let groups = (0..<8).map { UInt16(truncatingIfNeeded: bits >> UInt128(112 - 16 * $0)) }
        let shown = 8 - groups.reversed().prefix { $0 == 0 }.count
        let head = groups.prefix(shown < 7 ? shown : 8).map { String($0, radix: 16) }.joined(separator: ":")
        return shown < 7 ? head + "::" : head
    }

    private static func version4(_ text: some StringProtocol) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let byte = UInt8(part),
                part.count == 1 || part.first != "0"
            else { return nil }
            value = value << 8 | UInt32(byte)
        }
        return value
    }

    private static func version6(_ text: some StringProtocol) -> UInt128? {
        let halves = text.split(separator: "::", omittingEmptySubsequences: false)
        guard halves.count <= 2, let first = halves.first, let head = groups(first), let tail = halves.count == 2 ? groups(halves[1]) : [] else {
            return nil
        }
        let count = head.count + tail.count
        guard halves.count == 2 ? count < 8 : count == 8 else { return nil }
        let all = head + Array(repeating: 0, count: 8 - count) + tail
        return all.reduce(0) { $0 << 16 | UInt128($1) }
    }

    private static func groups(_ text: some StringProtocol) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        var groups: [UInt16] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (place, part) in parts.enumerated() {
            if place == parts.count - 1, part.contains(".") {
                guard let last = version4(part) else { return nil }
                groups += [UInt16(last >> 16), UInt16(truncatingIfNeeded: last)]
                continue
            }
            guard (1...4).contains(part.utf8.count), let group = UInt16(part, radix: 16), part.first != "+" else { return nil }
            groups.append(group)
        }
        return groups
    }
}

/// Addresses that begin alike, as `192.0.2.0/24` or `2001:db8::/32`; a single address too.
package struct AddressRange: Hashable, Sendable {
    package let first: UInt128
    package let last: UInt128

    /// Nil when the text is no range, or one with bits behind its prefix, which nobody means.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = NetworkAddress(parts[0]) else { return nil }
        let isVersion4 = !parts[0].contains(":")
        var prefix = 128
        if parts.count == 2 {
            guard (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int(parts[1]),
                length <= (isVersion4 ? 32 : 128)
            else { return nil }
            prefix = isVersion4 ? length + 96 : length
        }
        let free = prefix == 0 ? UInt128.max : prefix == 128 ? 0 : UInt128.max >> UInt128(prefix)
        guard address.bits & free == 0 else { return nil }
        first = address.bits
        last = address.bits | free
    }
}

/// Many ranges; whether an address is in one of them takes the logarithm of their number.
package struct AddressRanges: Sendable, Equatable {
    private let firsts: [UInt128]
    private let lasts: [UInt128]

    package init(_ ranges: [AddressRange]) {
        var joined: [(first: UInt128, last: UInt128)] = []
        for range in ranges.sorted(by: { $0.first < $1.first }) {
            if let end = joined.last, range.first <= end.last || range.first - end.last == 1 {
                joined[joined.count - 1].last = max(end.last, range.last)
            } else {
                joined.append((range.first, range.last))
            }
        }
        firsts = joined.map(\.first)
        lasts = joined.map(\.last)
    }

    package var isEmpty: Bool { firsts.isEmpty }

    package func contains(_ address: NetworkAddress) -> Bool {
        var (low, high) = (0, firsts.count)
        while low < high {
            let middle = (low + high) / 2
            if firsts[middle] <= address.bits { low = middle + 1 } else { high = middle }
        }
        return low > 0 && address.bits <= lasts[low - 1]
    }
}

/// From where a key may be used.
package struct AddressPolicy: Sendable, Equatable {
    /// An address must be in each of these.
    private var allowed: [AddressRanges] = []
    /// And in none of these.
    private var blocked: [AddressRanges] = []

    package init(allowed: [AddressRanges] = [], blocked: [AddressRanges] = []) {
        self.allowed = allowed
        self.blocked = blocked.filter { !$0.isEmpty }
    }

    /// Whether it admits everybody.
    package var isOpen: Bool { allowed.isEmpty && blocked.isEmpty }

    /// - Parameter address: Nil when it is not known: then only those are admitted who may come from anywhere but some places.
    package func admits(_ address: NetworkAddress?) -> Bool {
        guard let address else { return allowed.isEmpty }
        return allowed.allSatisfy { $0.contains(address) } && !blocked.contains { $0.contains(address) }
    }
}
