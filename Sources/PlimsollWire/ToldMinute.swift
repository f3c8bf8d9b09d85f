/// Counters as a gateway tells them that may be of a newer release: what this one has no name for is kept with them.
package struct ToldMinute: Sendable, Codable {
    package var counters: MinuteCounters

    package init(_ counters: MinuteCounters) { self.counters = counters }

    package init(from decoder: any Decoder) throws {
        counters = try MinuteCounters(from: decoder)
        let container = try decoder.container(keyedBy: FieldName.self)
        let names = container.allKeys.filter { MinuteCounters.CodingKeys(stringValue: $0.stringValue) == nil }
        guard !names.isEmpty else { return }
        let fields = try names.map { ($0.stringValue, try container.decode(UnknownValue.self, forKey: $0)) }
        counters.unknown = Dictionary(fields) { _, last in last }
    }

    package func encode(to encoder: any Encoder) throws {
        try counters.encode(to: encoder)
        var container = encoder.container(keyedBy: FieldName.self)
        for (name, value) in counters.unknown ?? [:] { try container.encode(value, forKey: FieldName(stringValue: name)) }
    }

    private struct FieldName: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }

        init?(intValue: Int) { nil }
    }
}

/// A value in JSON of which nothing is known but that it is one.
package enum UnknownValue: Sendable, Codable, Equatable {
    case null
    case flag(Bool)
    case integer(Int64)
    case number(Double)
    case text(String)
    case list([UnknownValue])
    case fields([String: UnknownValue])

    package init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let flag = try? value.decode(Bool.self) {
            self = .flag(flag)
        } else if let integer = try? value.decode(Int64.self) {
            self = .integer(integer)
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else if let text = try? value.decode(String.self) {
            self = .text(text)
        } else if let list = try? value.decode([UnknownValue].self) {
            self = .list(list)
        } else {
            self = .fields(try value.decode([String: UnknownValue].self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        switch self {
        case .null: try value.encodeNil()
        case .flag(let flag): try value.encode(flag)
        case .integer(let integer): try value.encode(integer)
        case .number(let number): try value.encode(number)
        case .text(let text): try value.encode(text)
        case .list(let list): try value.encode(list)
        case .fields(let fields): try value.encode(fields)
        }
    }
}
