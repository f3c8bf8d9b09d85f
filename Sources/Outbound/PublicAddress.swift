/// Which addresses are of machines that everybody on the Internet can reach, by the special-purpose registries of IANA (RFC 6890 and its updates).
enum PublicAddress {
    /// First address and length of the prefix.
    private static let special4: [(first: [UInt8], bits: Int)] = [
        ([0], 8), ([10], 8), ([100, 64], 10), ([127], 8), ([169, 254], 16), ([172, 16], 12), ([192, 0, 0], 24), ([192, 0, 2], 24),
        ([192, 88, 99], 24),
        ([192, 168], 16), ([198, 18], 15), ([198, 51, 100], 24), ([203, 0, 113], 24), ([224], 4), ([240], 4),
    ]
    /// Of what is given to the Internet, 2000::/3: Teredo and other protocols, documentation, 6to4, documentation again.
    private static let special6: [(first: [UInt8], bits: Int)] = [
        ([0x20, 0x01, 0x00], 23), ([0x20, 0x01, 0x0d, 0xb8], 32), ([0x20, 0x02], 16), ([0x3f, 0xff, 0x00], 20),
    ]
    /// Before the last four bytes, which are an address of IPv4: mapped (RFC 4291) and translated (RFC 6052).
    private static let embedding: [[UInt8]] = [
        [UInt8](repeating: 0, count: 10) + [0xff, 0xff], [0x00, 0x64, 0xff, 0x9b] + [UInt8](repeating: 0, count: 8),
    ]

    /// - Parameter address: Four or sixteen bytes in network order.
    static func isPublic(_ address: [UInt8]) -> Bool {
        switch address.count {
        case 4: return !special4.contains { begins(address, $0) }
        case 16:
            if embedding.contains(where: { address.starts(with: $0) }) { return isPublic(Array(address[12...])) }
            return begins(address, ([0x20], 3)) && !special6.contains { begins(address, $0) }
        default: return false
        }
    }

    private static func begins(_ address: [UInt8], _ prefix: (first: [UInt8], bits: Int)) -> Bool {
        prefix.first.indices.allSatisfy { index in
            let bits = min(8, prefix.bits - index * 8)
            guard bits > 0 else { return true }
            let mask = UInt8(truncatingIfNeeded: 0xff << (8 - bits))
            return address[index] & mask == prefix.first[index] & mask
        }
    }
}
