/// Where prefixes go that no worker has yet: the same worker at every loop and every gateway, few of them moved when a worker comes or goes
/// (Maglev hashing; Eisenbud and others, NSDI 2016).
package struct PlacementTable: Sendable {
    /// Primes; the first one that is a hundred times the number of members is taken, so that shares differ by about a hundredth.
    private static let sizes = [251, 1021, 4093, 16_381, 65_537]

    private let places: [UInt16]

    /// - Parameter names: Of the members, the same at every gateway; at most 65,535 of them. They are known by index.
    package init(_ names: [String]) {
        let members = names.prefix(Int(UInt16.max)).map { Self.hash($0) }
        guard members.count > 1 else {
            places = members.isEmpty ? [] : [0]
            return
        }
        let size = Self.sizes.first { $0 >= members.count * 100 } ?? Self.sizes[Self.sizes.count - 1]
        places = Self.fill(members, size: size)
    }

    /// Index of the member for a key; nil without members.
    package func member(_ key: UInt64) -> Int? {
        places.isEmpty ? nil : Int(places[Int(key % UInt64(places.count))])
    }

    /// Each member in turn takes the next place of its own order that is free.
    private static func fill(_ members: [UInt64], size: Int) -> [UInt16] {
        let free = UInt16.max
        var places = [UInt16](repeating: free, count: size)
        var next = [Int](repeating: 0, count: members.count)
        var filled = 0
        while true {
            for (index, hash) in members.enumerated() {
                let offset = Int(hash >> 32) % size
                let skip = Int(hash & 0xFFFF_FFFF) % (size - 1) + 1
                var place = (offset + next[index] * skip) % size
                while places[place] != free {
                    next[index] += 1
                    place = (offset + next[index] * skip) % size
                }
                places[place] = UInt16(index)
                next[index] += 1
                filled += 1
                if filled == size { return places }
            }
        }
    }

    /// FNV-1a with a finish; the same in every process.
    static func hash(_ name: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        hash = (hash ^ hash >> 33) &* 0xFF51_AFD7_ED55_8CCD
        hash = (hash ^ hash >> 33) &* 0xC4CE_B9FE_1A85_EC53
        return hash ^ hash >> 33
    }
}
