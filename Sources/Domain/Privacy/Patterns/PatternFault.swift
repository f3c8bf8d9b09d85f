/// Why an expression cannot be compiled, and where.
package struct PatternFault: Error, Sendable, Equatable {
    /// Offset of the character in the expression, counted from 0 in Unicode scalars.
    package var offset: Int
    /// For the person who wrote it.
    package var message: String

    package init(_ message: String, at offset: Int) {
        self.message = message
        self.offset = offset
    }
}

/// Bounds on what an expression may become, so that nobody's rule can take a gateway's memory or time.
package struct PatternLimits: Sendable {
    /// Instructions of all expressions of a set together.
    package var instructions = 100_000
    /// The greatest number in `{n,m}`.
    package var repetitions = 1000
    /// Groups within groups.
    package var depth = 50
    /// Bytes of automaton that one scanner may keep; beyond it states are made anew, and then the slower simulation takes over.
    package var cacheBytes = 1 << 20

    package init() {}
}
