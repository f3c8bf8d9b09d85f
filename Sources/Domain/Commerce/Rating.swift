/// Turns amounts into money without a binary fraction (reference, sections 2.0 and 2.8): pico-US-dollars in 128 bits while they are added up,
/// rounded half to even once, at the end of a line.
package enum Rating {
    package static let picoPerMicro: Int128 = 1_000_000
    package static let picoPerDollar: Int128 = 1_000_000_000_000
    package static let picoPerCent: Int128 = 10_000_000_000

    /// A price for the first so many tokens of a month, and on.
    package struct Step: Sendable, Equatable {
        /// Tokens that it holds for; nil: all above.
        package var tokens: Int128?
        /// Pico-US-dollars for one.
        package var price: Int64

        package init(tokens: Int128?, price: Int64) {
            self.tokens = tokens
            self.price = price
        }
    }

    /// Graduated prices: each token at the price of the step that it falls into.
    package static func graduated(_ tokens: Int128, _ steps: [Step]) -> Int128 {
        var (rest, sum) = (tokens, Int128(0))
        for step in steps {
            let part = min(rest, step.tokens ?? rest)
            sum += part * Int128(step.price)
            rest -= part
        }
        return sum
    }

    /// Part of a price for part of a time, in the price's unit.
    package static func prorated(_ amount: Int128, used: Int64, of whole: Int64) -> Int128 {
        dividedHalfEven(amount * Int128(used), by: Int128(whole))
    }

    /// What is missing to an agreed minimum.
    package static func topUp(minimum: Int128, usage: Int128) -> Int128 { max(0, minimum - usage) }

    package static func cents(picoDollars: Int128) -> Int128 { dividedHalfEven(picoDollars, by: picoPerCent) }

    package static func microDollars(picoDollars: Int128) -> Int128 { dividedHalfEven(picoDollars, by: picoPerMicro) }

    /// - Parameter divisor: Above 0.
    package static func dividedHalfEven(_ value: Int128, by divisor: Int128) -> Int128 {
        let (quotient, remainder) = value.magnitude.quotientAndRemainder(dividingBy: divisor.magnitude)
        let twice = remainder * 2
        let roundsUp = twice > divisor.magnitude || (twice == divisor.magnitude && quotient % 2 == 1)
        let magnitude = Int128(quotient + (roundsUp ? 1 : 0))
        return value < 0 ? -magnitude : magnitude
    }

    /// Decimal text of an amount that is counted in 10^-`places`.
    package static func text(_ amount: Int128, places: Int) -> String {
        let digits = String(amount.magnitude)
        guard places > 0 else { return (amount < 0 ? "-" : "") + digits }
        let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
        return (amount < 0 ? "-" : "") + padded.dropLast(places) + "." + padded.suffix(places)
    }
}
