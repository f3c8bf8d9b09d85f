import HTTPTypes
import HTTPWire
import Postgres

/// A field of a resource: its column and what it may hold.
struct AdminField: Sendable {
    enum Presence: Sendable {
        case required
        case optional
        /// Cannot be given at creation.
        case later
    }

    let name: StaticString
    let kind: FieldKind
    let presence: Presence
    /// May be changed after creation.
    let isChangeable: Bool
    let isNullable: Bool

    init(_ name: StaticString, _ kind: FieldKind, _ presence: Presence = .optional, changeable: Bool = true, nullable: Bool = false) {
        self.name = name
        self.kind = kind
        self.presence = presence
        isChangeable = changeable
        isNullable = nullable
    }
}

/// Reads a JSON body field by field and gathers every fault, so that one answer names them all.
struct FieldReader {
    private var object: JSONObject
    private var known: Set<String> = []
    private var faults: [AdminRefusal.Fault] = []

    /// An empty body counts as an empty object.
    init(_ bytes: [UInt8]) throws {
        guard !bytes.isEmpty else {
            object = JSONObject()
            return
        }
        do {
            guard let object = try JSONValue.parse(bytes).object else {
                throw AdminRefusal(.badRequest, code: "invalid_json", "the body must be a JSON object")
            }
            self.object = object
        } catch let fault as JSONFault {
            throw AdminRefusal(.badRequest, code: "invalid_json", "the body is not valid JSON: \(fault.message) at byte \(fault.offset)")
        }
    }

    func has(_ name: String) -> Bool { object[name] != nil }

    /// All that the body names, in its order.
    var names: [String] { object.names }

    /// What a field says before it is read; nil: it is absent, or no text.
    func text(of name: String) -> String? { object[name]?.string }
    func integer(of name: String) -> Int64? { object[name]?.integer }

    /// Says for the caller what it leaves out.
    mutating func fill(_ name: String, _ value: JSONValue) { _ = object.append(name, value) }

    /// Nil when it is absent, null, or wrong, which `finish` tells.
    mutating func value(_ field: AdminField) -> (any SQLBindable)? {
        let name = field.name.description
        known.insert(name)
        guard let value = object[name] else {
            if field.presence == .required { add(name, "is required") }
            return nil
        }
        if value == .null {
            if !field.isNullable { add(name, "must not be null") }
            return nil
        }
        do {
            return try field.kind.read(value)
        } catch {
            add(name, error.message)
            return nil
        }
    }

    mutating func text(_ name: StaticString, _ kind: FieldKind, _ presence: AdminField.Presence = .optional) -> String? {
        value(AdminField(name, kind, presence)) as? String
    }

    mutating func integer(_ name: StaticString, _ range: ClosedRange<Int64>, _ presence: AdminField.Presence = .optional) -> Int64? {
        value(AdminField(name, .integer(range), presence)) as? Int64
    }

    /// A field that its reader looks through itself.
    mutating func raw(_ name: String) -> JSONValue? {
        known.insert(name)
        return object[name]
    }

    mutating func add(_ param: String, _ message: String) {
        faults.append(AdminRefusal.Fault(param: param, message: message))
    }

    /// Throws when anything was wrong or is not known here.
    mutating func finish() throws {
        for name in object.names where !known.contains(name) {
            add(name, "is not a field of this request")
        }
        if !faults.isEmpty { throw AdminRefusal.faults(faults) }
    }

    /// The body as given, without the fields named.
    func audited(without secrets: Set<String>) -> String {
        let members = object.members.filter { !secrets.contains($0.name) }
        return "{" + members.map { "\(AdminJSON.string($0.name)):\(AdminJSON.text($0.value))" }.joined(separator: ",") + "}"
    }
}
