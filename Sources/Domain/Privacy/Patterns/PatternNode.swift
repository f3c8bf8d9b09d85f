/// What an expression means, before it is compiled.
indirect enum PatternNode: Sendable {
    case empty
    case scalars(ScalarSet)
    case sequence([PatternNode])
    case choice([PatternNode])
    /// `most` nil: without end.
    case repetition(PatternNode, least: Int, most: Int?, isLazy: Bool)
    /// The outermost capturing group: what it held is told with a match.
    case capture(PatternNode)
    case assertion(PatternAssertion)
}

/// Conditions on a place between two bytes.
enum PatternAssertion: Int32, Sendable {
    case textStart
    case textEnd
    case lineStart
    case lineEnd
    case wordBoundary
    case noWordBoundary

    /// - Parameters:
    ///   - before: What stands in front of the place.
    ///   - after: What stands behind it.
    func holds(_ before: PatternContext, _ after: PatternContext) -> Bool {
        switch self {
        case .textStart: before == .edge
        case .textEnd: after == .edge
        case .lineStart: before == .edge || before == .newline
        case .lineEnd: after == .edge || after == .newline
        case .wordBoundary: (before == .word) != (after == .word)
        case .noWordBoundary: (before == .word) == (after == .word)
        }
    }
}

/// What assertions must know of a neighbouring byte.
enum PatternContext: Int32, Sendable {
    /// There is none.
    case edge
    case newline
    /// `[0-9A-Za-z_]`
    case word
    case other

    init(_ byte: UInt8) {
        switch byte {
        case 0x0A: self = .newline
        case 0x30...0x39, 0x41...0x5A, 0x5F, 0x61...0x7A: self = .word
        default: self = .other
        }
    }
}
