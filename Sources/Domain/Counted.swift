/// Numbers of things in English words.
package enum Counted {
    /// `1 minute`, `2 minutes`, `0 minutes`.
    package static func text(_ number: some BinaryInteger, _ noun: String) -> String { "\(number) \(Self.noun(number, noun))" }

    /// The noun alone, for a number that is written in another way.
    package static func noun(_ number: some BinaryInteger, _ noun: String) -> String { number == 1 ? noun : noun + "s" }

    /// `1 day's`, `30 days'`.
    package static func possessive(_ number: some BinaryInteger, _ noun: String) -> String {
        text(number, noun) + (number == 1 ? "'s" : "'")
    }
}
