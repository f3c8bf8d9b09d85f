import Domain
import HTTPWire

/// The field in which a proxy says for whom it asks.
package enum ForwardedField: String, Sendable, CaseIterable {
    /// Addresses, separated by commas.
    case xForwardedFor = "x-forwarded-for"
    /// RFC 7239.
    case forwarded

    /// In lower case.
    var name: StaticString {
        switch self {
        case .xForwardedFor: "x-forwarded-for"
        case .forwarded: "forwarded"
        }
    }

    /// The nodes of a field that may stand several times, from the end: each proxy adds its own behind those that it was told.
    ///
    /// - Parameter values: In the order in which they came; ranges of `bytes`.
    func nodes(_ bytes: UnsafeRawBufferPointer, _ values: [Range<Int>]) -> some Sequence<NetworkAddress?> {
        let elements = values.reversed().lazy.flatMap { ElementsFromEnd(bytes, $0, knowsQuotes: self == .forwarded) }
        return elements.map { node(bytes, $0) }
    }

    private func node(_ bytes: UnsafeRawBufferPointer, _ element: Range<Int>) -> NetworkAddress? {
        let text = element.trimmed(bytes)
        switch self {
        case .xForwardedFor: return NetworkAddress(node: String(decoding: bytes[text], as: UTF8.self))
        case .forwarded: return Self.forNode(bytes, text).flatMap { NetworkAddress(node: $0) }
        }
    }

    /// The one `for` among pairs that are separated by semicolons. Nil when the element is not what RFC 7239, section 4, allows.
    private static func forNode(_ bytes: UnsafeRawBufferPointer, _ element: Range<Int>) -> String? {
        var at = element.lowerBound
        var found: String?
        while at < element.upperBound {
            guard let equals = bytes[at..<element.upperBound].firstIndex(of: UInt8(ascii: "=")) else { return nil }
            let name = at..<equals
            guard let (value, end) = value(bytes, equals + 1..<element.upperBound) else { return nil }
            if HeadBytes.equal(bytes, name, ignoringCase: "for") {
                guard found == nil else { return nil }
                found = value
            }
            guard end < element.upperBound else { break }
            guard bytes[end] == UInt8(ascii: ";") else { return nil }
            at = end + 1
        }
        return found
    }

    /// A token or a text in quotes, and where it ends.
    private static func value(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> (String, Int)? {
        guard range.first.map({ bytes[$0] }) == UInt8(ascii: "\"") else {
            let end = bytes[range].firstIndex(of: UInt8(ascii: ";")) ?? range.upperBound
            return (String(decoding: bytes[range.lowerBound..<end], as: UTF8.self), end)
        }
        var text: [UInt8] = []
        var at = range.lowerBound + 1
        while at < range.upperBound {
            switch bytes[at] {
            case UInt8(ascii: "\""): return (String(decoding: text, as: UTF8.self), at + 1)
            case UInt8(ascii: "\\"):
                guard at + 1 < range.upperBound else { return nil }
                text.append(bytes[at + 1])
                at += 2
            default:
                text.append(bytes[at])
                at += 1
            }
        }
        return nil
    }
}

/// The elements of a list, the last one first. What a customer wrote stands to the left of what a proxy added, so that nothing in it, an open quote
/// for one, changes how the proxy's word is read.
private struct ElementsFromEnd: Sequence, IteratorProtocol {
    private let bytes: UnsafeRawBufferPointer
    private let knowsQuotes: Bool
    private let start: Int
    /// Nil when there are no more.
    private var end: Int?

    init(_ bytes: UnsafeRawBufferPointer, _ value: Range<Int>, knowsQuotes: Bool) {
        self.bytes = bytes
        self.knowsQuotes = knowsQuotes
        start = value.lowerBound
        end = value.upperBound
    }

    mutating func next() -> Range<Int>? {
        guard let end else { return nil }
        var (at, isQuoted) = (end, false)
        while at > start {
            at -= 1
            switch bytes[at] {
            case UInt8(ascii: "\"") where knowsQuotes: if !isQuoted || !isEscaped(at) { isQuoted.toggle() }
            case UInt8(ascii: ",") where !isQuoted:
                self.end = at
                return at + 1..<end
            default: break
            }
        }
        self.end = nil
        return start..<end
    }

    /// Behind an odd number of backslashes.
    private func isEscaped(_ place: Int) -> Bool {
        var at = place
        while at > start, bytes[at - 1] == UInt8(ascii: "\\") { at -= 1 }
        return (place - at) % 2 == 1
    }
}

extension Range<Int> {
    /// Without white space around it.
    fileprivate func trimmed(_ bytes: UnsafeRawBufferPointer) -> Range<Int> {
        var (from, upTo) = (lowerBound, upperBound)
        while from < upTo, bytes[from] == 0x20 || bytes[from] == 0x09 { from += 1 }
        while upTo > from, bytes[upTo - 1] == 0x20 || bytes[upTo - 1] == 0x09 { upTo -= 1 }
        return from..<upTo
    }
}
