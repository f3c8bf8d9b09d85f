/// Binary logarithm and power, which the standard library does not have, to about twelve digits.
enum Logarithm {
    /// Of a positive value.
    static func base2(_ value: Double) -> Double {
        var exponent = Double(value.exponent)
        var mantissa = value.significand
        var bit = 0.5
        for _ in 0..<40 {
            mantissa *= mantissa
            if mantissa >= 2 {
                mantissa /= 2
                exponent += bit
            }
            bit /= 2
        }
        return exponent
    }

    /// Two to the power of a value; powers beyond 1023 are infinite.
    static func power2(_ value: Double) -> Double {
        let whole = value.rounded(.down)
        guard whole < 1024 else { return .infinity }
        guard whole > -1022 else { return 0 }
        var (rest, root, power) = (value - whole, 2.0.squareRoot(), 1.0)
        for _ in 0..<40 {
            rest *= 2
            if rest >= 1 {
                power *= root
                rest -= 1
            }
            root = root.squareRoot()
        }
        return Double(sign: .plus, exponent: Int(whole), significand: power)
    }
}
