import HTTPWire

/// What a parameter may be that goes through to the runtime; null is always allowed.
enum ParameterType: Sendable {
    case number
    case integer
    case `switch`
    case switchOrInteger
    case text
    /// A string or an array of strings.
    case texts
    case object
    /// An array of objects, each with a type.
    case tools
}

/// Finds wrong types that runtimes would answer with a failure of their own. What is inside is left to the runtime.
struct ParameterCheck {
    /// Runtimes look for each of them in every token.
    static let mostTexts = 16

    let bytes: UnsafeRawBufferPointer
    let inner: [JSONInnerMember]

    func check(_ member: JSONMember, at index: Int, _ type: ParameterType) throws(APIError) {
        let isRight =
            switch (type, member.kind) {
            case (_, .null), (.number, .number), (.switch, .bool), (.switchOrInteger, .bool), (.text, .string), (.texts, .string), (.object, .object):
                true
            case (.integer, .number), (.switchOrInteger, .number): isInteger(member)
            case (.texts, .array): holdsTexts(member)
            case (.tools, .array): member.objects == member.elements
            default: false
            }
        guard isRight else { throw APIError.wrongType(name(member), type.expected) }
        if case .texts = type, member.elements > ParameterCheck.mostTexts {
            let name = name(member)
            throw APIError(.invalidValue, message: "'\(name)' must hold at most \(ParameterCheck.mostTexts) strings.", param: name)
        }
        if case .tools = type { try requireTexts("type", member, at: index) }
    }

    /// Messages are objects with a role.
    func messages(_ member: JSONMember, at index: Int) throws(APIError) {
        guard member.objects == member.elements else { throw APIError.wrongType("messages", "an array of objects") }
        try requireTexts("role", member, at: index)
        for content in inner where content.parent == index && HeadBytes.equal(bytes, content.name, to: "content") {
            switch content.kind {
            case .null, .string: continue
            case .array where content.objects == content.elements: continue
            default: throw APIError.wrongType("messages[\(content.element)].content", "a string or an array of objects")
            }
        }
    }

    /// Every element of the array has this member, and it is a string.
    private func requireTexts(_ key: StaticString, _ array: JSONMember, at index: Int) throws(APIError) {
        // The first element that has not been seen to have it.
        var next = 0
        for member in inner where member.parent == index {
            // It may be this one in disguise; the runtime judges.
            if member.hasEscapes { return }
            guard HeadBytes.equal(bytes, member.name, to: key) else { continue }
            guard member.element == next else { break }
            guard member.kind == .string else { throw APIError.wrongType("\(name(array))[\(next)].\(key)", "a string") }
            next += 1
        }
        guard next < array.elements else { return }
        let param = "\(name(array))[\(next)].\(key)"
        throw APIError(.missingParameter, message: "'\(param)' is required.", param: param)
    }

    private func isInteger(_ member: JSONMember) -> Bool {
        bytes[member.value].allSatisfy { $0 == UInt8(ascii: "-") || (0x30...0x39).contains($0) }
    }

    private func holdsTexts(_ member: JSONMember) -> Bool {
        let count = PromptCount(UnsafeRawBufferPointer(rebasing: bytes[member.value]))
        return count.prompts == member.elements && count.tokens == 0 && member.objects == 0
    }

    /// Of a member that is known.
    private func name(_ member: JSONMember) -> String {
        member.decodedName(in: bytes).map { String(decoding: $0, as: UTF8.self) } ?? String(decoding: bytes[member.name], as: UTF8.self)
    }
}

extension ParameterType {
    fileprivate var expected: String {
        switch self {
        case .number: "a number"
        case .integer: "an integer"
        case .switch: "a boolean"
        case .switchOrInteger: "a boolean or an integer"
        case .text: "a string"
        case .texts: "a string or an array of strings"
        case .object: "an object"
        case .tools: "an array of objects"
        }
    }
}

extension APIError {
    static func wrongType(_ name: String, _ expected: String) -> APIError {
        APIError(.invalidType, message: "'\(name)' must be \(expected).", param: name)
    }
}
