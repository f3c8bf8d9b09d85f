import Domain

/// A JSON value of the worked cases.
enum CaseValue: Hashable, Decodable, CustomStringConvertible {
    case null
    case bool(Bool)
    case integer(Int64)
    case real(Double)
    case text(String)
    case array([CaseValue])
    case object([String: CaseValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .real(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([CaseValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: CaseValue].self))
        }
    }

    var description: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .real(let value): "\(value)"
        case .text(let value): "\"\(value)\""
        case .array(let values): "[" + values.map(\.description).joined(separator: ", ") + "]"
        case .object(let values):
            "{" + values.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ") + "}"
        }
    }

    static func integers(_ values: some Sequence<Int64>) -> CaseValue { .array(values.map { .integer($0) }) }
    static func bools(_ values: some Sequence<Bool>) -> CaseValue { .array(values.map { .bool($0) }) }
    static func texts(_ values: some Sequence<String>) -> CaseValue { .array(values.map { .text($0) }) }
    static func optionalBools(_ values: some Sequence<Bool?>) -> CaseValue { .array(values.map { $0.map { .bool($0) } ?? .text("no_data") }) }
}

struct CaseFault: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

extension CaseValue {
    func integer(_ what: String = "value") throws(CaseFault) -> Int64 {
        guard case .integer(let value) = self else { throw CaseFault("\(what) is not an integer: \(self)") }
        return value
    }

    func bool(_ what: String = "value") throws(CaseFault) -> Bool {
        guard case .bool(let value) = self else { throw CaseFault("\(what) is not true or false: \(self)") }
        return value
    }

    func text(_ what: String = "value") throws(CaseFault) -> String {
        guard case .text(let value) = self else { throw CaseFault("\(what) is not a text: \(self)") }
        return value
    }

    func array(_ what: String = "value") throws(CaseFault) -> [CaseValue] {
        guard case .array(let values) = self else { throw CaseFault("\(what) is not a list: \(self)") }
        return values
    }

    func integers(_ what: String = "value") throws -> [Int64] { try array(what).map { try $0.integer(what) } }
}

/// Inputs of one case by name.
struct CaseInputs {
    let values: [String: CaseValue]

    func value(_ name: String) throws(CaseFault) -> CaseValue {
        guard let value = values[name] else { throw CaseFault("input \(name) is missing") }
        return value
    }

    func integer(_ name: String) throws(CaseFault) -> Int64 { try value(name).integer(name) }
    func bool(_ name: String) throws(CaseFault) -> Bool { try value(name).bool(name) }
    func text(_ name: String) throws(CaseFault) -> String { try value(name).text(name) }
    func array(_ name: String) throws(CaseFault) -> [CaseValue] { try value(name).array(name) }
    func integers(_ name: String) throws -> [Int64] { try value(name).integers(name) }
    func integer(_ name: String, default other: Int64) throws(CaseFault) -> Int64 { values[name] == nil ? other : try integer(name) }
    func bool(_ name: String, default other: Bool) throws(CaseFault) -> Bool { values[name] == nil ? other : try bool(name) }

    func inputs(_ name: String) throws(CaseFault) -> CaseInputs {
        guard case .object(let inner) = try value(name) else { throw CaseFault("\(name) is not an object") }
        return CaseInputs(values: inner)
    }

    func ratio(_ name: String) throws(CaseFault) -> Ratio { try Self.ratio(try value(name)) }

    /// Of a decimal text or a whole number.
    static func ratio(_ value: CaseValue) throws(CaseFault) -> Ratio {
        if case .integer(let number) = value { return Ratio(number, 1) }
        guard let ratio = Ratio(decimal: try value.text()) else { throw CaseFault("\(value) is not a decimal") }
        return ratio
    }

    func month(_ name: String) throws(CaseFault) -> BillingPeriod {
        let parts = try text(name).split(separator: "-").compactMap { Int($0) }
        guard parts.count == 2, (1...12).contains(parts[1]) else { throw CaseFault("\(name) is not a month") }
        return BillingPeriod(year: parts[0], month: parts[1])
    }

    func instant(_ name: String) throws(CaseFault) -> Int64 {
        guard let instant = CaseInstant.microseconds(try text(name)) else { throw CaseFault("\(name) is not a time") }
        return instant
    }
}
