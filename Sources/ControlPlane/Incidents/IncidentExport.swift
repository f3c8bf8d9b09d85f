import FoundationEssentials
import HTTPWire
import Postgres

/// An incident as it may be handed to a customer: what happened and when, without a name or id of any provider, pool, host, worker or gateway.
struct IncidentExport: Sendable {
    /// Of the serving room.
    let pool: PostgresPool

    func document(_ id: UUID) async throws -> String {
        let answers = try await pool.pipeline([incident(id), timeline(id), actions(id), Self.names])
        guard let row = answers[0].first else { throw AdminRefusal.notFound }
        let scrub = NameScrub(try answers[3].map { try $0.value("name") })
        let steps: String = try answers[1].first?.value("document") ?? "[]"
        let done: String = try answers[2].first?.value("document") ?? "[]"
        let postmortem = try scrub.clean(try JSONValue.parse(row.value("postmortem", as: String.self)))
        let head: String = try row.value("document")
        return "\(head.dropLast()),\"timeline\":\(steps),\"actions\":\(done),\"postmortem\":\(AdminJSON.text(postmortem))}"
    }

    private func incident(_ id: UUID) -> SQL {
        """
        SELECT json_build_object('number', number, 'title', title, 'tier', tier, 'model', model, 'region', region,
            'began_at', serving.wire_time(began_at), 'detected_at', serving.wire_time(opened_at),
            'impact_from', serving.wire_time(impact_from), 'impact_until', serving.wire_time(impact_until),
            'felt_minutes', \(FeltMinutes.count), 'mitigated_at', serving.wire_time(mitigated_at), 'resolved_at', serving.wire_time(resolved_at),
            'reported_at', serving.wire_time(reported_at))::text AS document, coalesce(postmortem, 'null')::text AS postmortem
        FROM reliability.incident AS incident WHERE id = \(id)
        """
    }

    /// Steps only: words of the timeline are for operators.
    private func timeline(_ id: UUID) -> SQL {
        """
        SELECT coalesce(json_agg(json_build_object('at', serving.wire_time(at), 'kind', kind, 'step', CASE WHEN kind = 'step' THEN text END)
            ORDER BY id), '[]')::text AS document
        FROM reliability.incident_event WHERE incident_id = \(id) AND kind IN ('opened', 'signal', 'step', 'published', 'resolved', 'postmortem')
        """
    }

    private func actions(_ id: UUID) -> SQL {
        """
        SELECT coalesce(json_agg(json_build_object('action', action, 'from', serving.wire_time(created_at), 'until', serving.wire_time(ended_at))
            ORDER BY created_at, id), '[]')::text AS document
        FROM reliability.mitigation WHERE incident_id = \(id) AND mode IN ('automatic', 'manual')
        """
    }

    /// Of everything that a customer must not see, the longest first.
    static let names: SQL = """
        SELECT name FROM (
            SELECT name::text FROM serving.providers UNION SELECT display_name::text FROM serving.providers
            UNION SELECT name::text FROM serving.pools UNION SELECT name FROM serving.hosts UNION SELECT id::text FROM serving.hosts
            UNION SELECT inventory ->> 'hostname' FROM serving.hosts UNION SELECT id::text FROM serving.workers
            UNION SELECT name FROM serving.gateways UNION SELECT id::text FROM serving.gateways) AS known
        WHERE name <> '' ORDER BY char_length(name) DESC, name
        """
}

/// Takes names out of text that people wrote, in whatever case and script, and however their parts are joined.
struct NameScrub {
    private static let instead = "a capacity source"

    /// By their first character, the longest first.
    private let names: [String: [[String]]]

    init(_ names: [String]) {
        let known = names.map(Self.compared).filter { !$0.isEmpty }
        self.names = Dictionary(grouping: known) { $0[0] }.mapValues { $0.sorted { $0.count > $1.count } }
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
            if let length = name(in: compared, characters, at) {
                result += Self.instead
                at += length
            } else {
                result.append(characters[at])
                at += 1
            }
        }
        return result
    }

    /// How long the name is that begins here; nil: none does. Whole words only: a provider called `one` must not eat the middle of another word.
    private func name(in text: [String], _ characters: [Character], _ at: Int) -> Int? {
        guard let candidates = names[text[at]], at == 0 || !Self.isWord(characters[at - 1]) else { return nil }
        return candidates.first { name in
            let end = at + name.count
            return end <= text.count && text[at..<end].elementsEqual(name) && (end == text.count || !Self.isWord(characters[end]))
        }?.count
    }

    private static func isWord(_ character: Character) -> Bool { character.isLetter || character.isNumber }
}
