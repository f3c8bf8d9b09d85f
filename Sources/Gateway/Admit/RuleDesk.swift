import Domain
import HTTPWire
import OpenAIWire
import PlimsollWire

/// Holds the text of prompts against rules. One for each event loop: what its scanners learn of one text makes the next one faster.
struct RuleDesk {
    /// What the rules say of one request.
    enum Verdict {
        case admitted
        /// With the words that the rule has for customers.
        case refused(message: String?)
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

    /// - Parameter body: JSON, from anywhere outside of a string on.
    mutating func judge(_ body: UnsafeRawBufferPointer, _ sets: [RuleSet], tenant: String) -> Verdict {
        collector.collect(body)
        var verdict = Verdict.admitted
        for set in sets {
            found.removeAll(keepingCapacity: true)
            scan(set)
            for number in found.sorted() {
                let rule = set.rules[number]
                note(Hit(rule: rule.id, tenant: tenant))
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

    private mutating func note(_ hit: Hit) {
        if hits[hit] == nil, hits.count >= Self.mostHits { return }
        hits[hit, default: 0] += 1
    }

    /// What was met since the last call.
    mutating func takeHits() -> [Hit: Int] {
        defer { hits.removeAll() }
        return hits
    }
}
