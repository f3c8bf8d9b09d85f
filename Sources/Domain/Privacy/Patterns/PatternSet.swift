/// One thing to look for.
package struct Pattern: Sendable, Equatable {
    package enum Form: String, Sendable, CaseIterable {
        /// Stands for itself.
        case literal
        /// A regular expression in the subset of `docs/privacy-and-abuse.md`.
        case expression
    }

    package var form: Form
    package var text: String
    package var ignoresCase: Bool

    package init(_ form: Form, _ text: String, ignoresCase: Bool = true) {
        self.form = form
        self.text = text
        self.ignoresCase = ignoresCase
    }

    /// Throws when it cannot be compiled.
    package func validate(_ limits: PatternLimits = PatternLimits()) throws(PatternFault) {
        guard !text.isEmpty else { throw PatternFault("nothing to look for", at: 0) }
        _ = try PatternSet([self], limits: limits)
    }
}

/// Patterns compiled together. Immutable and shared; each event loop scans with a scanner of its own.
package final class PatternSet: Sendable {
    fileprivate let exact: LiteralAutomaton
    fileprivate let folded: LiteralAutomaton
    fileprivate let program: PatternProgram?
    fileprivate let cacheBytes: Int
    package let count: Int

    /// - Throws: The fault of the first pattern that cannot be compiled.
    package init(_ patterns: [Pattern], limits: PatternLimits = PatternLimits()) throws(PatternFault) {
        var literals: [Bool: [(number: Int, bytes: [UInt8])]] = [:]
        var nodes: [(number: Int, node: PatternNode)] = []
        for (number, pattern) in patterns.enumerated() {
            switch pattern.form {
            case .literal: literals[pattern.ignoresCase, default: []].append((number, Array(pattern.text.utf8)))
            case .expression:
                var parser = PatternParser(pattern.text, ignoresCase: pattern.ignoresCase, limits: limits)
                nodes.append((number, try parser.parse()))
            }
        }
        exact = LiteralAutomaton(literals[false] ?? [], ignoresCase: false)
        folded = LiteralAutomaton(literals[true] ?? [], ignoresCase: true)
        program = nodes.isEmpty ? nil : try PatternProgram(nodes, limits: limits)
        cacheBytes = limits.cacheBytes
        count = patterns.count
    }

    /// Finds nothing.
    package static let empty = PatternSet()

    private init() {
        exact = LiteralAutomaton([], ignoresCase: false)
        folded = LiteralAutomaton([], ignoresCase: true)
        program = nil
        cacheBytes = 0
        count = 0
    }
}

/// Looks for all patterns of a set at once. Not to be shared between threads: what it learns of one text makes the next one faster.
package struct PatternScanner: Sendable {
    private let set: PatternSet
    private var automaton: PatternAutomaton?

    package init(_ set: PatternSet) {
        self.set = set
        automaton = set.program.map { PatternAutomaton($0, cacheBytes: set.cacheBytes) }
    }

    /// Numbers of the patterns that stand anywhere in the text, which is UTF-8, added to `found`. Time is linear in the text, whatever the
    /// patterns are.
    package mutating func scan(_ bytes: UnsafeRawBufferPointer, into found: inout Set<Int>) {
        func note(_ number: Int) -> Bool {
            found.insert(number)
            return true
        }
        if !set.exact.isEmpty { set.exact.scan(bytes) { number, _ in note(number) } }
        if !set.folded.isEmpty { set.folded.scan(bytes) { number, _ in note(number) } }
        automaton?.scan(bytes) { note($0) }
    }

    /// The same for a string.
    package mutating func matches(_ text: String) -> Set<Int> {
        var found: Set<Int> = []
        var text = text
        text.withUTF8 { scan(UnsafeRawBufferPointer($0), into: &found) }
        return found
    }

    /// Work done so far by expressions, in steps that take about the same time each.
    package var steps: Int { automaton?.steps ?? 0 }
}

/// One expression that is looked for by its place.
package struct PatternFinder {
    private var automaton: PatternAutomaton
    private var search: PatternSearch

    package init(_ expression: String, ignoresCase: Bool = false, limits: PatternLimits = PatternLimits()) throws(PatternFault) {
        var parser = PatternParser(expression, ignoresCase: ignoresCase, limits: limits)
        let program = try PatternProgram([(0, try parser.parse())], limits: limits)
        automaton = PatternAutomaton(program, cacheBytes: limits.cacheBytes)
        search = PatternSearch(program)
    }

    /// The first match that begins at `from` or later. Texts without one cost a look into a table for each byte.
    package mutating func first(_ bytes: UnsafeRawBufferPointer, from: Int = 0) -> PatternMatch? {
        var isThere = false
        automaton.scan(bytes, from: from) { _ in
            isThere = true
            return false
        }
        guard isThere else { return nil }
        return search.first(bytes, from: from)
    }

    package mutating func first(in text: String) -> PatternMatch? {
        var text = text
        return text.withUTF8 { first(UnsafeRawBufferPointer($0)) }
    }
}
