/// Placeholders that stand for secrets and personal data in one request, and what they stand for. In memory only, for as long as the request is.
package struct MaskBook: Sendable {
    private var placeholders: [[UInt8]: [UInt8]] = [:]
    private var counts: [String: Int] = [:]
    /// What each placeholder stands for. A value that would break a JSON text around it is not put back.
    package private(set) var originals: [[UInt8]: [UInt8]] = [:]

    package init() {}

    package var isEmpty: Bool { placeholders.isEmpty }

    /// The text with a placeholder such as `[EMAIL_1]` for each finding; the same value has the same one.
    ///
    /// - Parameter taken: Whether the customer's own text holds what would be a placeholder.
    package mutating func cover(_ bytes: [UInt8], _ findings: [SensitiveFinding], isTaken taken: ([UInt8]) -> Bool) -> [UInt8] {
        var result: [UInt8] = []
        var at = 0
        for finding in findings {
            result += bytes[at..<finding.range.lowerBound]
            result += placeholder(for: Array(bytes[finding.range]), finding.kind, taken)
            at = finding.range.upperBound
        }
        return result + bytes[at...]
    }

    private mutating func placeholder(for value: [UInt8], _ kind: SensitiveKind, _ isTaken: ([UInt8]) -> Bool) -> [UInt8] {
        if let known = placeholders[value] { return known }
        let noun = kind.isSecret ? "SECRET" : kind.description.uppercased()
        var made: [UInt8]
        repeat {
            counts[noun, default: 0] += 1
            made = Array("[\(noun)_\(counts[noun] ?? 0)]".utf8)
        } while isTaken(made)
        placeholders[value] = made
        let breaks = value.contains { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }
        if !breaks { originals[made] = value }
        return made
    }
}
