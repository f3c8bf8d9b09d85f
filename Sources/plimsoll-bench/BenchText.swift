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

    /// Tokens of an answer when nobody says how many.
    static func usualTokens(stream: Bool) -> Int {
        stream ? 64 : 32
    }
}
