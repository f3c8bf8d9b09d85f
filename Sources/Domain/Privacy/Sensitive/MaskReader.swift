/// Puts back what placeholders stand for, in text that comes in pieces. The time for a piece grows with its length alone, however many there are.
package struct MaskReader: Sendable {
    /// Placeholders of one noun, `[EMAIL_` being the stem.
    private struct Row {
        var stem: [UInt8]
        /// Of the last one.
        var greatest: Int
    }

    private let originals: [[UInt8]: [UInt8]]
    private let rows: [Row]

    package init(_ book: MaskBook) {
        originals = book.originals
        var greatest: [[UInt8]: Int] = [:]
        for placeholder in originals.keys {
            let stem = Array(placeholder.prefix { $0 != UInt8(ascii: "_") }) + [UInt8(ascii: "_")]
            greatest[stem] = max(greatest[stem] ?? 0, Self.number(placeholder.dropFirst(stem.count).dropLast()))
        }
        rows = greatest.map { Row(stem: $0.key, greatest: $0.value) }
    }

    /// - Parameters:
    ///   - held: What the piece before ended in and may be the beginning of a placeholder; then what this one ends in.
    ///   - isLast: Nothing follows: nothing is held.
    /// - Returns: Nil when the piece stays as it is.
    package func read(_ piece: [UInt8], held: inout [UInt8], isLast: Bool) -> [UInt8]? {
        guard !held.isEmpty || piece.contains(UInt8(ascii: "[")) else { return nil }
        let text = held + piece
        held = []
        var result: [UInt8] = []
        var at = 0
        while let open = text[at...].firstIndex(of: UInt8(ascii: "[")) {
            result += text[at..<open]
            at = open
            switch text.withUnsafeBytes({ Placeholders.shape($0, from: open) }) {
            case .whole(let end):
                result += originals[Array(text[open..<end])] ?? Array(text[open..<end])
                at = end
            case .begun where !isLast && mayBegin(text[open...]):
                held = Array(text[open...])
                return result == piece ? nil : result
            case .begun, .none:
                result.append(text[open])
                at += 1
            }
        }
        result += text[at...]
        return result == piece ? nil : result
    }

    /// A placeholder of the book may begin like this.
    private func mayBegin(_ start: ArraySlice<UInt8>) -> Bool {
        rows.contains { row in
            guard start.count > row.stem.count else { return row.stem.starts(with: start) }
            return start.starts(with: row.stem) && (1...row.greatest).contains(Self.number(start.dropFirst(row.stem.count)))
        }
    }

    /// - Parameter digits: At most ten.
    private static func number(_ digits: ArraySlice<UInt8>) -> Int { digits.reduce(0) { $0 * 10 + Int($1 & 15) } }
}
