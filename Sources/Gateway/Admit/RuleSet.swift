import Domain
import PlimsollWire

/// Rules on text, compiled together: those for all tenants, or those of one. Immutable and shared by all loops.
final class RuleSet: Sendable {
    let patterns: PatternSet
    let rules: [RuleEntry]
    /// The literals once more, as they read (`PlainText`); nil: there are none. What is plain already is found by `patterns`.
    let plain: PlainLiterals?

    struct PlainLiterals: Sendable {
        let patterns: PatternSet
        /// Rules of the patterns.
        let numbers: [Int]
        /// Some literal is not written as it reads, so that texts that are must be looked at, too.
        let isWanted: Bool
    }

    /// Rules that cannot be compiled are left out: the control plane compiles each before it is written, so there are none.
    init(_ rules: [RuleEntry]) {
        var usable = rules
        var compiled = try? PatternSet(usable.map(Self.pattern))
        if compiled == nil {
            usable = rules.filter { (try? Self.pattern($0).validate()) != nil }
            compiled = try? PatternSet(usable.map(Self.pattern))
        }
        self.rules = compiled == nil ? [] : usable
        patterns = compiled ?? .empty
        plain = Self.plain(self.rules)
    }

    private static func plain(_ rules: [RuleEntry]) -> PlainLiterals? {
        let numbers = rules.indices.filter { rules[$0].kind == .literal }
        let texts = numbers.map { PlainText.of(rules[$0].pattern) }
        let literals = zip(numbers, texts).map { Pattern(.literal, $1, ignoresCase: !rules[$0].caseSensitive) }
        guard !literals.isEmpty, let patterns = try? PatternSet(literals) else { return nil }
        PlainText.prepare()
        return PlainLiterals(patterns: patterns, numbers: numbers, isWanted: zip(numbers, texts).contains { rules[$0].pattern != $1 })
    }

    private static func pattern(_ rule: RuleEntry) -> Pattern {
        Pattern(rule.kind == .literal ? .literal : .expression, rule.pattern, ignoresCase: !rule.caseSensitive)
    }
}

/// Compiles the rules of tables, and what has not changed since the last table only once. Used by the thread that applies tables.
struct RuleCompiler {
    private var known: [[RuleEntry]: RuleSet] = [:]

    /// What a table's rules make of its tenants.
    struct Result {
        /// For all tenants.
        var common: RuleSet?
        var own: [String: RuleSet] = [:]
        var blocked: AddressRanges?
        var ownBlocked: [String: AddressRanges] = [:]

        func sets(for tenant: String) -> [RuleSet] { [common, own[tenant]].compactMap(\.self) }

        func blocked(for tenant: String) -> [AddressRanges] { [blocked, ownBlocked[tenant]].compactMap(\.self) }
    }

    mutating func compile(_ rules: [RuleEntry]) -> Result {
        var result = Result()
        guard !rules.isEmpty else {
            known.removeAll()
            return result
        }
        var used: [[RuleEntry]: RuleSet] = [:]
        for (tenant, rules) in Dictionary(grouping: rules, by: \.tenant) {
            let ranges = AddressRanges(rules.filter { $0.kind == .address }.compactMap { AddressRange($0.pattern) })
            let texts = rules.filter { $0.kind != .address }.sorted { $0.id < $1.id }
            let set = texts.isEmpty ? nil : known[texts] ?? RuleSet(texts)
            if let set { used[texts] = set }
            if let tenant {
                result.own[tenant] = set
                if !ranges.isEmpty { result.ownBlocked[tenant] = ranges }
            } else {
                result.common = set
                if !ranges.isEmpty { result.blocked = ranges }
            }
        }
        known = used
        return result
    }
}
