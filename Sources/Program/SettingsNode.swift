/// A JSON value as settings need it.
indirect enum SettingsNode: Equatable {
    case null
    case bool(Bool)
    /// The number as it is written.
    case number(String)
    case string(String)
    case array([SettingsNode])
    case object([String: SettingsNode])

    var isObject: Bool {
        if case .object = self { true } else { false }
    }

    /// What it is, for a fault; never the value itself, which may be a secret in the wrong place.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .number(let text): "the number \(text)"
        case .string: "a text"
        case .array: "a list"
        case .object: "an object"
        }
    }

    var text: String? {
        if case .string(let text) = self { text } else { nil }
    }

    var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    var int: Int? {
        if case .number(let text) = self { Int(text) } else { nil }
    }

    var double: Double? {
        if case .number(let text) = self { Double(text) } else { nil }
    }

    var texts: [String]? {
        guard case .array(let elements) = self else { return nil }
        let texts = elements.compactMap(\.text)
        return texts.count == elements.count ? texts : nil
    }
}
