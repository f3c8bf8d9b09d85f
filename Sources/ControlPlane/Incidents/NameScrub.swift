import HTTPWire

/// Finds names in text that people wrote, in whatever case and script, and however their parts are joined, and takes them out. Everything that leaves the
/// installation goes through it: the status page, reports, exports and evidence.
struct NameScrub {
    private struct Name {
        let text: [String]
        /// Nil: it may stand.
        let instead: String?
        /// Of names that are the same the one with the least counts.
        let rank: Int
    }

    /// By their first character, the longest first.
    private let names: [String: [Name]]

    /// A single letter is no name: it could not be told from ordinary words.
    ///
    /// - Parameters:
    ///   - capacity: Names and ids of providers, pools, hosts, workers and gateways.
    ///   - customers: Of tenants who are not the reader.
    ///   - told: What models, tiers and regions are called, and the reader: it stands whole, also where a part of it or all of it is another's name.
    init(_ capacity: [String], customers: [String] = [], told: [String] = []) {
        let known =
            told.map { Name(text: Self.compared($0), instead: nil, rank: 0) }
            + capacity.map { Name(text: Self.compared($0), instead: "a capacity source", rank: 1) }
            + customers.map { Name(text: Self.compared($0), instead: "another customer", rank: 2) }
        names = Dictionary(grouping: known.filter { $0.text.count > 1 }) { $0.text[0] }.mapValues { names in
            names.sorted { ($1.text.count, $0.rank) < ($0.text.count, $1.rank) }
        }
    }

    /// Characters as they are compared: `Lambda Labs` is `lambda-labs`. Texts are the same however their letters are composed.
    private static func compared(_ text: String) -> [String] {
        text.map { $0.isWhitespace || $0 == "-" || $0 == "_" ? " " : $0.lowercased() }
    }

    /// The same document with names taken out of its texts.
    func clean(_ value: JSONValue) throws -> JSONValue {
        switch value {
        case .string(let text): return .string(clean(text))
        case .array(let elements): return .array(try elements.map(clean))
        case .object(let object):
            let members = object.members.map { "\(AdminJSON.string($0.name)):\(AdminJSON.text((try? clean($0.value)) ?? .null))" }
            return try JSONValue.parse("{\(members.joined(separator: ","))}")
        default: return value
        }
    }

    func clean(_ text: String) -> String {
        let (characters, compared) = (Array(text), Self.compared(text))
        var (result, at) = ("", 0)
        while at < characters.count {
            let name = name(in: compared, characters, at)
            let end = at + (name?.text.count ?? 1)
            result += name?.instead ?? String(characters[at..<end])
            at = end
        }
        return result
    }

    /// The first name that stands in the text, as it is compared; nil: it holds none.
    func found(in text: String) -> String? {
        let (characters, compared) = (Array(text), Self.compared(text))
        var at = 0
        while at < characters.count {
            let name = name(in: compared, characters, at)
            if let name, name.instead != nil { return name.text.joined() }
            at += name?.text.count ?? 1
        }
        return nil
    }

    /// That begins here and counts; nil: none does. One that may stand does not where another's begins in it and goes on behind it.
    private func name(in text: [String], _ characters: [Character], _ at: Int) -> Name? {
        guard let name = longest(in: text, characters, at) else { return nil }
        guard name.instead == nil else { return name }
        let end = at + name.text.count
        let isCut = (at + 1..<end).contains { inside in
            longest(in: text, characters, inside).map { $0.instead != nil && inside + $0.text.count > end } ?? false
        }
        return isCut ? nil : name
    }

    /// Whole words only: a provider called `one` must not eat the middle of another word.
    private func longest(in text: [String], _ characters: [Character], _ at: Int) -> Name? {
        guard let candidates = names[text[at]], at == 0 || !Self.isWord(characters[at - 1]) else { return nil }
        return candidates.first { name in
            let end = at + name.text.count
            return end <= text.count && text[at..<end].elementsEqual(name.text) && (end == text.count || !Self.isWord(characters[end]))
        }
    }

    private static func isWord(_ character: Character) -> Bool { character.isLetter || character.isNumber }
}
