/// A runtime's version as far as numbers can be read from it: `0.11.1`, `v0.9.2.dev3`, `b5432`.
struct RuntimeVersion: Comparable, Sendable {
    let parts: [Int]

    /// Nil when the text holds no number.
    init?(_ text: String) {
        let start = text.drop { !$0.isNumber }
        let numbers = start.split(separator: ".").prefix(4).map { part in Int(part.prefix { $0.isNumber }) }
        let leading = numbers.prefix { $0 != nil }.compactMap { $0 }
        guard !leading.isEmpty else { return nil }
        parts = leading
    }

    init(_ parts: Int...) {
        self.parts = parts
    }

    static func < (left: RuntimeVersion, right: RuntimeVersion) -> Bool {
        for index in 0..<max(left.parts.count, right.parts.count) {
            let a = index < left.parts.count ? left.parts[index] : 0
            let b = index < right.parts.count ? right.parts[index] : 0
            if a != b { return a < b }
        }
        return false
    }

    static func == (left: RuntimeVersion, right: RuntimeVersion) -> Bool {
        !(left < right) && !(right < left)
    }
}
