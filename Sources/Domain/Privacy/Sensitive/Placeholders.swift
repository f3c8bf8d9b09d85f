/// Texts of the form `[EMAIL_1]` that stand in a customer's own words: none of them may become a placeholder.
package struct Placeholders: Sendable {
    /// What begins with a bracket.
    enum Shape: Equatable {
        /// A placeholder by its form, which ends in front of this place.
        case whole(end: Int)
        /// It may become one: the bytes end in it.
        case begun
        case none
    }

    private static let mostLetters = 16
    private static let mostDigits = 10

    private var texts: Set<[UInt8]> = []

    /// One pass, however many there are.
    package init(in bytes: UnsafeRawBufferPointer) {
        var at = bytes.startIndex
        while let open = bytes[at...].firstIndex(of: UInt8(ascii: "[")) {
            at = open + 1
            guard case .whole(let end) = Self.shape(bytes, from: open) else { continue }
            texts.insert(Array(bytes[open..<end]))
            at = end
        }
    }

    package func contains(_ text: [UInt8]) -> Bool { texts.contains(text) }

    /// Looks at no more bytes than a placeholder can have.
    ///
    /// - Parameter open: Where the bracket stands.
    static func shape(_ bytes: UnsafeRawBufferPointer, from open: Int) -> Shape {
        let letters = open + 1
        let line = end(bytes, from: letters, most: mostLetters) { $0 &- 0x41 < 26 }
        guard line < bytes.count else { return .begun }
        guard line > letters, bytes[line] == UInt8(ascii: "_") else { return .none }
        let close = end(bytes, from: line + 1, most: mostDigits) { $0 &- 0x30 < 10 }
        guard close < bytes.count else { return .begun }
        return close > line + 1 && bytes[close] == UInt8(ascii: "]") ? .whole(end: close + 1) : .none
    }

    private static func end(_ bytes: UnsafeRawBufferPointer, from start: Int, most: Int, _ belongs: (UInt8) -> Bool) -> Int {
        var at = start
        while at < bytes.count, at - start < most, belongs(bytes[at]) { at += 1 }
        return at
    }
}
