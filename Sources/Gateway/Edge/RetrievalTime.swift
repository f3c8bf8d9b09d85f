import OpenAIWire

/// How long a customer's own retrieval took before it asked, as its `x-retrieval-ms` says: a time beside ours, of which nobody is told but the customer
/// and its operator.
struct RetrievalTime: Sendable, Equatable {
    static let fault = APIError(
        .invalidValue, message: "'x-retrieval-ms' must be a number of milliseconds from 0 to 600000, such as 850 or 12.5.")
    private static let most: Int32 = 600_000_000
    /// So many digits of a fraction are microseconds; what is behind them is passed over.
    private static let fractionDigits = 3

    let microseconds: Int32

    /// Nil below 0.
    init?(microseconds: Int32) {
        guard microseconds >= 0 else { return nil }
        self.microseconds = microseconds
    }

    /// Digits, with a fraction or without, and nothing else. Nil for all other texts, and beyond ten minutes.
    init?(_ text: UnsafeRawBufferPointer) {
        guard (1...20).contains(text.count) else { return nil }
        var (value, fraction) = (Int64(0), -1)
        for (place, byte) in text.enumerated() {
            if byte == UInt8(ascii: "."), fraction < 0, place > 0, place + 1 < text.count {
                fraction = 0
                continue
            }
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            if fraction >= 0 { fraction += 1 }
            guard fraction <= Self.fractionDigits else { continue }
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
            guard value <= Int64(Self.most) else { return nil }
        }
        for _ in min(max(fraction, 0), Self.fractionDigits)..<Self.fractionDigits { value *= 10 }
        guard value <= Int64(Self.most) else { return nil }
        microseconds = Int32(value)
    }
}
