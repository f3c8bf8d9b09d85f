import Domain
import HTTPWire
import OpenAIWire
import PlimsollWire

/// Holds the text of prompts against rules. One for each event loop: what its scanners learn of one text makes the next one faster.
struct RuleDesk: Sendable {
    /// What the rules say of one request.
    enum Verdict: Equatable {
        case admitted
        /// With the words that the rule has for customers.
        case refused(message: String?)
    }

    /// Of a body that another thread has read.
    struct Judgement: Sendable {
        var verdict: Verdict
        var hits: [Hit: Int]
    }

    private struct Seat {
        /// Held, so that no other set can take over its identity.
        let set: RuleSet
        var scanner: PatternScanner
    }

    /// Rule and tenant that were met, and how often.
    struct Hit: Hashable {
        var rule: String
        var tenant: String
    }

    private static let mostHits = 10_000
    private var seats: [ObjectIdentifier: Seat] = [:]
    private var collector = TextCollector()
    private var found: Set<Int> = []
    private var hits: [Hit: Int] = [:]

    /// Forgets the scanners of sets that are no longer in force.
    mutating func keep(only sets: [RuleSet]) {
        let kept = Set(sets.map(ObjectIdentifier.init))
        seats = seats.filter { kept.contains($0.key) }
    }

    /// - Parameters:
    ///   - body: JSON, from anywhere outside of a string on.
    ///   - removed: Places in it that are not looked at, in order.
    mutating func judge(
        _ body: UnsafeRawBufferPointer, without removed: [Range<Int>] = [], _ sets: [RuleSet], tenant: String
    ) -> Verdict {
        collector.collect(body, without: removed)
        let plain = sets.contains { $0.plain != nil } ? collector.text.withUnsafeBytes { PlainText.of($0) } : nil
        var verdict = Verdict.admitted
        for set in sets {
            found.removeAll(keepingCapacity: true)
            scan(set)
            if let literals = set.plain, literals.isWanted || plain != nil { scan(literals, plain ?? collector.text) }
            for number in found.sorted() {
                let rule = set.rules[number]
                note(Hit(rule: rule.id, tenant: tenant), 1)
                if rule.action == .refuse, case .admitted = verdict { verdict = .refused(message: rule.message) }
            }
        }
        return verdict
    }

    private mutating func scan(_ set: RuleSet) {
        let name = ObjectIdentifier(set)
        // Taken out, so that it is changed where it lies.
        var seat = seats.removeValue(forKey: name) ?? Seat(set: set, scanner: PatternScanner(set.patterns))
        collector.text.withUnsafeBytes { seat.scanner.scan($0, into: &found) }
        seats[name] = seat
    }

    private mutating func scan(_ literals: RuleSet.PlainLiterals, _ text: [UInt8]) {
        var met: Set<Int> = []
        // Literals alone learn nothing of a text.
        var scanner = PatternScanner(literals.patterns)
        text.withUnsafeBytes { scanner.scan($0, into: &met) }
        for number in met { found.insert(literals.numbers[number]) }
    }

    private mutating func note(_ hit: Hit, _ count: Int) {
        if hits[hit] == nil, hits.count >= Self.mostHits { return }
        hits[hit, default: 0] += count
    }

    /// What was met by another desk.
    mutating func note(_ met: [Hit: Int]) {
        for (hit, count) in met { note(hit, count) }
    }

    /// What was met since the last call.
    mutating func takeHits() -> [Hit: Int] {
        defer { hits.removeAll() }
        return hits
    }
}
