/// Places of members in their object, in order. Those of an ordinary request need no memory of their own.
package struct MemberPlaces: Sendable {
    private var first: UInt64 = 0
    private var others: [Int] = []

    /// - Parameter place: At least 0, and not below one that is in it.
    mutating func append(_ place: Int) {
        if place < UInt64.bitWidth { first |= 1 << place } else { others.append(place) }
    }

    package func contains(_ place: Int) -> Bool {
        place < UInt64.bitWidth ? first & 1 << place != 0 : others.contains(place)
    }

    package var all: [Int] { (0..<UInt64.bitWidth).filter(contains) + others }
}
