import Domain
import FoundationEssentials
import HTTPWire
import Postgres

/// What a field of a body may hold.
enum FieldKind: Sendable {
    /// Lower-case name.
    case slug
    /// Name of a model or release.
    case modelName
    /// For people, 1 to 200 characters.
    case label
    /// 3 to 500 characters.
    case reason
    case integer(ClosedRange<Int64>)
    case boolean
    case choice([String])
    case slugs(atMost: Int)
    case modelNames(atMost: Int)
    case choices([String])
    /// RFC 3339.
    case instant
    /// `sha256:` and 64 hexadecimal digits.
    case digest
    /// Such as `8.6`.
    case capability
    /// Id or name of something else.
    case reference
    /// Printable characters, for secrets made elsewhere.
    case secret(ClosedRange<Int>)
    /// Any text without the zero byte, by its length in characters.
    case text(ClosedRange<Int>)
    /// Such as `192.0.2.0/24`.
    case addressRange
    case addressRanges(atMost: Int)

    struct Mismatch: Error {
        let message: String
    }

    func read(_ value: JSONValue) throws(Mismatch) -> any SQLBindable {
        switch self {
        case .integer(let range): try integer(value, range)
        case .boolean: try boolean(value)
        case .slugs(let count): try list(value, atMost: count, of: .slug)
        case .modelNames(let count): try list(value, atMost: count, of: .modelName)
        case .choices(let options): try list(value, atMost: options.count, of: .choice(options))
        case .addressRanges(let count): try list(value, atMost: count, of: .addressRange)
        case .instant: try instant(value)
        default: try text(value)
        }
    }

    private func integer(_ value: JSONValue, _ range: ClosedRange<Int64>) throws(Mismatch) -> any SQLBindable {
        guard let number = value.integer, range.contains(number) else {
            throw Mismatch(message: "must be an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    private func boolean(_ value: JSONValue) throws(Mismatch) -> any SQLBindable {
        guard let flag = value.bool else { throw Mismatch(message: "must be true or false") }
        return flag
    }

    private func instant(_ value: JSONValue) throws(Mismatch) -> any SQLBindable {
        guard let text = value.string, let date = try? Date(text, strategy: .iso8601) else {
            throw Mismatch(message: "must be an instant such as 2030-01-31T12:00:00Z")
        }
        return date
    }

    private func list(_ value: JSONValue, atMost count: Int, of kind: FieldKind) throws(Mismatch) -> any SQLBindable {
        guard let elements = value.array, elements.count <= count else { throw Mismatch(message: "must be a list of at most \(count)") }
        var texts: [String] = []
        for element in elements {
            texts.append(try kind.text(element))
        }
        guard Set(texts).count == texts.count else { throw Mismatch(message: "must not name anything twice") }
        return texts
    }

    private func text(_ value: JSONValue) throws(Mismatch) -> String {
        guard let text = value.string, accepts(text) else { throw Mismatch(message: "must be \(expectation)") }
        return text
    }

    private func accepts(_ text: String) -> Bool {
        switch self {
        case .slug: TextForm.isSlug(text)
        case .modelName: TextForm.isModelName(text)
        case .label: (1...200).contains(text.unicodeScalars.count) && TextForm.isPrintable(text)
        case .reason: (3...500).contains(text.unicodeScalars.count) && TextForm.isPrintable(text)
        case .choice(let options): options.contains(text)
        case .digest: TextForm.isDigest(text)
        case .capability: TextForm.isCapability(text)
        case .reference: TextForm.isModelName(text)
        case .secret(let length): length.contains(text.utf8.count) && TextForm.isToken(text)
        case .text(let length): length.contains(text.unicodeScalars.count) && !text.unicodeScalars.contains("\0")
        case .addressRange: AddressRange(text) != nil
        case .integer, .boolean, .slugs, .modelNames, .choices, .instant, .addressRanges: false
        }
    }

    private var expectation: String {
        switch self {
        case .slug: "a name of 1 to 63 lower-case letters, digits, dots, dashes and underscores"
        case .modelName, .reference: "a name of 1 to 127 letters, digits and . _ : / @ -"
        case .label: "1 to 200 printable characters"
        case .reason: "3 to 500 printable characters"
        case .choice(let options): "one of " + options.joined(separator: ", ")
        case .digest: "sha256: and 64 hexadecimal digits"
        case .capability: "a compute capability such as 8.6"
        case .secret(let length): "\(length.lowerBound) to \(length.upperBound) visible ASCII characters"
        case .text(let length): "\(length.lowerBound) to \(length.upperBound) characters"
        case .addressRange: "an address or a range such as 192.0.2.0/24 or 2001:db8::/32"
        case .integer, .boolean, .slugs, .modelNames, .choices, .instant, .addressRanges: "of another kind"
        }
    }
}

/// Forms of text, the same as the schema's.
enum TextForm {
    static func isSlug(_ text: String) -> Bool {
        let bytes = text.utf8
        guard (1...63).contains(bytes.count), let first = bytes.first, isLower(first) || isDigit(first) else { return false }
        return bytes.allSatisfy { isLower($0) || isDigit($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
    }

    static func isModelName(_ text: String) -> Bool {
        let bytes = text.utf8
        guard (1...127).contains(bytes.count), let first = bytes.first, isLower(first) || isUpper(first) || isDigit(first) else { return false }
        let signs = Set("._:/@-".utf8)
        return bytes.allSatisfy { isLower($0) || isUpper($0) || isDigit($0) || signs.contains($0) }
    }

    /// Neither control characters nor what turns the direction of the text around it.
    static func isPrintable(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { scalar in
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: false
            case .format: !scalar.properties.isBidiControl
            default: true
            }
        }
    }

    static func isToken(_ text: String) -> Bool { text.utf8.allSatisfy { (0x21...0x7E).contains($0) } }

    static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 71 && text.hasPrefix("sha256:")
            && text.utf8.dropFirst(7).allSatisfy { isDigit($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0) }
    }

    static func isCapability(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count == 2 && (1...2).contains(parts[0].count) && parts[1].count == 1 && parts.allSatisfy { $0.allSatisfy(isDigit) }
    }

    private static func isLower(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    private static func isUpper(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
