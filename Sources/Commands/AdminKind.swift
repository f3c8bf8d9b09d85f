/// A kind of resource of the admin API, as the command line shows it.
protocol AdminKind: Sendable {
    /// Last part of its path; also the name of its group of commands.
    static var path: String { get }
    /// One of them, for messages.
    static var noun: String { get }
    static var columns: [AdminColumn] { get }
    /// Query parameters of its list, beside those that every list has.
    static var filters: [KindFilter] { get }
    /// What can be written; what is not named here is not sent.
    static var fields: [KindField] { get }
    /// Member of the answer to a creation that the server tells once.
    static var secret: String? { get }
}

extension AdminKind {
    static var filters: [KindFilter] { [] }
    static var fields: [KindField] { [] }
    static var secret: String? { nil }
}

/// A query parameter of a list.
struct KindFilter: Sendable, ExpressibleByStringLiteral {
    let name: String
    let hint: String

    init(_ name: String, _ hint: String = "") {
        self.name = name
        self.hint = hint
    }

    init(stringLiteral name: String) {
        self.init(name)
    }

    static let since = KindFilter("since", "from this instant on, such as 2030-01-31T12:00:00Z")
    static let until = KindFilter("until", "before this instant")
    static let tenant = KindFilter("tenant", "id or name")
    static let reporting = KindFilter("reporting", "never, yes or silent: no heartbeat for 90 seconds")
}

/// A field of a kind that can be written.
struct KindField: Sendable {
    enum Presence: Sendable {
        case required
        case optional
        /// Cannot be given at creation.
        case later
    }

    /// How the text after `=` is meant.
    enum Form: Sendable {
        /// As it stands; `null` is JSON's.
        case text
        /// A JSON number, boolean, list or null.
        case json
    }

    let name: String
    let hint: String
    let form: Form
    let presence: Presence
    /// May be changed after creation.
    let isChangeable: Bool

    static func required(_ name: String, _ hint: String = "", form: Form = .text, changeable: Bool = true) -> KindField {
        KindField(name: name, hint: hint, form: form, presence: .required, isChangeable: changeable)
    }

    static func optional(_ name: String, _ hint: String = "", form: Form = .text, changeable: Bool = true) -> KindField {
        KindField(name: name, hint: hint, form: form, presence: .optional, isChangeable: changeable)
    }

    static func later(_ name: String, _ hint: String = "", form: Form = .text) -> KindField {
        KindField(name: name, hint: hint, form: form, presence: .later, isChangeable: true)
    }
}

/// What `--help` says about the names that a kind has; made from the lists that commands are checked against.
enum KindHelp {
    static func filters(_ kind: (some AdminKind).Type) -> String {
        guard !kind.filters.isEmpty else { return "There are no filters." }
        return "Filters:\n" + lines(kind.filters.map { ($0.name, $0.hint) })
    }

    static func creation(_ kind: (some AdminKind).Type) -> String {
        let fields = kind.fields.filter { $0.presence != .later }
        let named = fields.map { ($0.name + ($0.presence == .required ? " *" : ""), $0.hint) }
        return "Fields (* required):\n" + lines(named) + "\n\n" + lists
    }

    static func update(_ kind: (some AdminKind).Type) -> String {
        "Fields:\n" + lines(kind.fields.filter(\.isChangeable).map { ($0.name, $0.hint) }) + "\n\n" + lists
    }

    private static let lists = "Lists are JSON, such as '[\"a\",\"b\"]'; null takes a value away where that is possible."

    private static func lines(_ pairs: [(name: String, hint: String)]) -> String {
        let width = pairs.map(\.name.count).max() ?? 0
        return pairs.map { name, hint in
            hint.isEmpty ? "  \(name)" : "  \(name)\(String(repeating: " ", count: width - name.count))  \(hint)"
        }.joined(separator: "\n")
    }
}
