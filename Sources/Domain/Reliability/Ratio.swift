/// An exact fraction of two integers, for shares and thresholds that decide money. Compared by cross-multiplication, never rounded.
package struct Ratio: Sendable {
    package let numerator: Int64
    package let denominator: Int64

    /// - Parameter denominator: Above 0.
    package init(_ numerator: Int64, _ denominator: Int64) {
        precondition(denominator > 0, "a ratio needs a positive denominator")
        self.numerator = numerator
        self.denominator = denominator
    }

    /// Reads a plain decimal such as `0.05` or `-3`, at most 18 digits; nil for anything else.
    package init?(decimal text: some StringProtocol) {
        let unsigned = text.hasPrefix("-") ? text.dropFirst() : text[...]
        let parts = unsigned.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) } }) else { return nil }
        let fraction = parts.count == 2 ? String(parts[1]) : ""
        guard parts[0].count + fraction.count <= 18, let value = Int64(String(parts[0]) + fraction) else { return nil }
        let scale = fraction.reduce(Int64(1)) { scale, _ in scale * 10 }
        self.init(text.hasPrefix("-") ? -value : value, scale)
    }

    /// Decimal text with exactly `places` digits after the point, rounded half to even.
    package func decimal(places: Int) -> String {
        let scale = (0..<places).reduce(Int128(1)) { scale, _ in scale * 10 }
        let (quotient, remainder) = (Int128(numerator.magnitude) * scale).quotientAndRemainder(dividingBy: Int128(denominator))
        let twice = remainder * 2
        let roundsUp = twice > denominator || (twice == denominator && quotient % 2 == 1)
        let digits = String(quotient + (roundsUp ? 1 : 0))
        let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
        let sign = numerator < 0 && padded.contains(where: { $0 != "0" }) ? "-" : ""
        guard places > 0 else { return sign + padded }
        return sign + padded.dropLast(places) + "." + padded.suffix(places)
    }

    /// Decimal text without trailing zeros, at most `places` digits after the point.
    package func shortDecimal(places: Int) -> String {
        var text = decimal(places: places)
        guard text.contains(".") else { return text }
        while text.hasSuffix("0") { text.removeLast() }
        return text.hasSuffix(".") ? String(text.dropLast()) : text
    }
}

extension Ratio: Comparable {
    package static func == (left: Ratio, right: Ratio) -> Bool {
        Int128(left.numerator) * Int128(right.denominator) == Int128(right.numerator) * Int128(left.denominator)
    }

    package static func < (left: Ratio, right: Ratio) -> Bool {
        Int128(left.numerator) * Int128(right.denominator) < Int128(right.numerator) * Int128(left.denominator)
    }
}

extension Ratio {
    package static func + (left: Ratio, right: Ratio) -> Ratio {
        Ratio(
            reducing: Int128(left.numerator) * Int128(right.denominator) + Int128(right.numerator) * Int128(left.denominator),
            Int128(left.denominator) * Int128(right.denominator))
    }

    package static func - (left: Ratio, right: Ratio) -> Ratio { left + Ratio(-right.numerator, right.denominator) }

    package static func * (left: Ratio, right: Ratio) -> Ratio {
        Ratio(reducing: Int128(left.numerator) * Int128(right.numerator), Int128(left.denominator) * Int128(right.denominator))
    }

    /// - Parameter right: Not 0.
    package static func / (left: Ratio, right: Ratio) -> Ratio {
        precondition(right.numerator != 0, "nothing is divided by 0")
        let (numerator, denominator) = (Int128(left.numerator) * Int128(right.denominator), Int128(left.denominator) * Int128(right.numerator))
        return denominator < 0 ? Ratio(reducing: -numerator, -denominator) : Ratio(reducing: numerator, denominator)
    }

    /// The greatest whole number that is not above it.
    package var floor: Int64 {
        let (quotient, rest) = numerator.quotientAndRemainder(dividingBy: denominator)
        return rest < 0 ? quotient - 1 : quotient
    }

    /// The least whole number that is not below it.
    package var ceiling: Int64 { -Ratio(-numerator, denominator).floor }

    /// Stops the program where the reduced fraction needs more than 64 bits on either side: shares of minutes, of requests and of months do not.
    private init(reducing numerator: Int128, _ denominator: Int128) {
        var (large, small) = (numerator.magnitude, denominator.magnitude)
        while small != 0 { (large, small) = (small, large % small) }
        let divisor = Int128(max(large, 1))
        self.init(Int64(numerator / divisor), Int64(denominator / divisor))
    }
}
