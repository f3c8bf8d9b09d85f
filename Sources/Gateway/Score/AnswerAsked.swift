import HTTPWire

/// What a request asked of the form of its answer, by which that can be judged.
struct AnswerAsked: Sendable, Equatable {
    /// Its text is to be JSON.
    var json = false
    /// It is to call a tool.
    var call = false
    /// The customer said how long it may be: one that fills it is whole.
    var length = false

    init(json: Bool = false, call: Bool = false, length: Bool = false) {
        self.json = json
        self.call = call
        self.length = length
    }

    /// - Parameter scan: Of `bytes`, a request in the words of chat or completions.
    init(_ scan: RequestScan, _ bytes: UnsafeRawBufferPointer) {
        for member in scan.members {
            switch Self.name(of: member, bytes) {
            case "response_format": json = json || Self.asksForJSON(member, bytes)
            case "guided_json": json = json || member.kind != .null
            case "structured_outputs": json = json || Self.value(of: member, bytes)?["json"] != nil
            case "tool_choice": call = Self.asksForCall(member, bytes)
            case "function_call": call = call || member.kind == .object
            default: break
            }
        }
    }

    private static let mostBytes = 64 << 10

    private static func name(of member: JSONMember, _ bytes: UnsafeRawBufferPointer) -> String {
        member.decodedName(in: bytes).map { String(decoding: $0, as: UTF8.self) } ?? String(decoding: bytes[member.name], as: UTF8.self)
    }

    /// Nil: it is too long to be looked into on a loop.
    private static func value(of member: JSONMember, _ bytes: UnsafeRawBufferPointer) -> JSONValue? {
        guard member.value.count <= mostBytes else { return nil }
        return try? JSONValue.parse(Array(bytes[member.value]))
    }

    /// Only a schema is so long that it is not looked into.
    private static func asksForJSON(_ member: JSONMember, _ bytes: UnsafeRawBufferPointer) -> Bool {
        guard member.kind == .object else { return false }
        guard let value = value(of: member, bytes) else { return true }
        let type = value["type"]?.string
        return type == "json_object" || type == "json_schema"
    }

    private static func asksForCall(_ member: JSONMember, _ bytes: UnsafeRawBufferPointer) -> Bool {
        switch value(of: member, bytes) {
        case .string(let word): word == "required"
        case .object(let choice): choice["allowed_tools"].map { $0["mode"]?.string == "required" } ?? true
        default: false
        }
    }
}
