/// How fast an upstream streams. A load generator asks for one in the text of a message: that reaches the upstream through every gateway, where
/// fields and headers that a gateway does not know may be dropped.
struct Pace: Equatable {
    private static let mark: StaticString = "pace:"

    /// Milliseconds.
    var first: Double
    var gap: Double
    var tokens: Int

    init(first: Double, gap: Double, tokens: Int) {
        self.first = first
        self.gap = gap
        self.tokens = tokens
    }

    /// Nil when none is asked for.
    init?(in body: UnsafeRawBufferPointer) {
        guard let start = body.position(of: Pace.mark).map({ $0 + Pace.mark.utf8CodeUnitCount }),
            let second = body.position(of: UInt8(ascii: ","), from: start),
            let third = body.position(of: UInt8(ascii: ","), from: second + 1)
        else { return nil }
        first = Double(body.number(at: start))
        gap = Double(body.number(at: second + 1))
        tokens = max(1, body.number(at: third + 1))
    }

    var text: String { "\(Pace.mark)\(Int(first)),\(Int(gap)),\(tokens)" }
}
