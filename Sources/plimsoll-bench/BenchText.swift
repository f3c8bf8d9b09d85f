/// The text that the upstream sends and the load generator expects: every token is known from its number, so every byte can be checked.
enum BenchText {
    static let tokenLength = 5

    /// A space and four lower-case letters: nothing that JSON would escape.
    static func token(_ index: Int) -> [UInt8] {
        [UInt8(ascii: " ")] + (1..<tokenLength).map { UInt8(ascii: "a") + UInt8((index * 11 + $0 * 5 + index / 16) % 26) }
    }

    static func text(tokens: Int) -> [UInt8] {
        (0..<tokens).flatMap(token)
    }
}

extension RandomAccessCollection<UInt8> {
    /// Where the bytes first stand, from an index on.
    func position(of needle: [UInt8], from start: Index) -> Index? {
        guard let first = needle.first else { return start }
        var index = start
        while let found = self[index...].firstIndex(of: first) {
            guard distance(from: found, to: endIndex) >= needle.count else { return nil }
            if self[found...].starts(with: needle) { return found }
            index = self.index(after: found)
        }
        return nil
    }
}
