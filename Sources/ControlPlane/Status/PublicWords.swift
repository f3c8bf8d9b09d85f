import Postgres

/// Names that no published word may hold: those of providers, their pools, hosts and gateways.
struct PublicWords: Sendable {
    private let names: Set<String>

    init(_ names: some Sequence<String>) {
        // Shorter ones would forbid ordinary words.
        self.names = Set(names.map { $0.lowercased() }.filter { $0.count >= 3 })
    }

    static func read(_ run: (SQL) async throws -> [PostgresRow]) async throws -> PublicWords {
        let rows = try await run(
            """
            SELECT name::text AS name FROM serving.providers UNION SELECT display_name::text FROM serving.providers
            UNION SELECT name::text FROM serving.pools UNION SELECT name FROM serving.hosts UNION SELECT name FROM serving.gateways
            """)
        return PublicWords(try rows.map { try $0.value("name", as: String.self) })
    }

    /// Refuses words that customers will read where they name one.
    static func refuse(_ texts: [(field: String, text: String?)], _ connection: PostgresConnection) async throws {
        let words = try await read { try await connection.query($0) }
        for (field, text) in texts {
            if let name = text.flatMap({ words.found(in: $0) }) {
                throw AdminRefusal.fault(field, "names \(name): customers read it, and see no provider, pool, host or gateway")
            }
        }
    }

    /// The first name that stands in the text as a word of its own.
    func found(in text: String) -> String? {
        let lower = text.lowercased()
        return names.sorted().first { !Self.places(of: $0, in: lower).isEmpty }
    }

    /// The text with every such name taken out.
    func cleaned(_ text: String) -> String {
        var text = text
        for name in names.sorted(by: { $0.count > $1.count }) {
            for range in Self.places(of: name, in: text.lowercased()).reversed() {
                let from = text.index(text.startIndex, offsetBy: range.lowerBound)
                text.replaceSubrange(from..<text.index(from, offsetBy: range.count), with: "a supplier")
            }
        }
        return text
    }

    /// Offsets in characters.
    private static func places(of name: String, in lower: String) -> [Range<Int>] {
        let (text, word) = (Array(lower), Array(name))
        guard text.count >= word.count else { return [] }
        let isPart = { (at: Int) in text.indices.contains(at) && (text[at].isLetter || text[at].isNumber) }
        var found: [Range<Int>] = []
        var at = 0
        while at + word.count <= text.count {
            if text[at] == word[0], text[at..<at + word.count].elementsEqual(word), !isPart(at - 1), !isPart(at + word.count) {
                found.append(at..<at + word.count)
                at += word.count
            } else {
                at += 1
            }
        }
        return found
    }
}
