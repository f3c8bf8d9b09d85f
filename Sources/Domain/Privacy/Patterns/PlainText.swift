// The standard library composes, but has no public name for it yet.
@_spi(_Unicode) import Swift

/// A text as it reads: canonically composed (NFC), letters in another shape as plain ones, every white space a space, and without signs that are not seen
/// (Unicode's Default_Ignorable_Code_Point). Letters of other scripts that look alike stay what they are.
package struct PlainText {
    private enum Class: UInt8 {
        case itself
        case shape
        case unseen
        case space
        /// Composes with what is in front of it, or may.
        case mark
        /// Is written otherwise when it is composed.
        case decomposes
    }

    /// Of marks behind one letter the others are left out, as in UAX 15's Stream-Safe Text Format: ordering them takes the square of their number.
    private static let mostMarks = 30

    private var plain: [UInt8] = []
    /// Where the last letter begins, and how many marks stand behind it.
    private var letter = 0
    private var marks = 0
    private var isComposed = true

    private init() {}

    /// Nil where that is the text itself, which any ASCII is. Time is linear in the text.
    ///
    /// - Parameter bytes: UTF-8.
    package static func of(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        guard var at = firstOther(bytes) else { return nil }
        var text = PlainText()
        text.plain.reserveCapacity(bytes.count)
        text.plain += bytes[..<at]
        // A mark may belong to the letter in front.
        text.letter = max(at - 1, 0)
        while at < bytes.count {
            let byte = bytes[at]
            if byte < 0x80 {
                text.begin()
                text.plain.append(byte)
                at += 1
            } else {
                at = text.take(bytes, at)
            }
        }
        text.compose()
        return text.plain.elementsEqual(bytes) ? nil : text.plain
    }

    package static func of(_ text: String) -> String {
        let bytes = Array(text.utf8)
        return bytes.withUnsafeBytes { of($0) }.map { String(decoding: $0, as: UTF8.self) } ?? text
    }

    /// Makes the tables, some milliseconds before the first text needs them.
    package static func prepare() {
        _ = classes.count + letters.count
    }

    /// Looks at eight bytes at a time.
    private static func firstOther(_ bytes: UnsafeRawBufferPointer) -> Int? {
        var at = 0
        while at + 8 <= bytes.count, bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self) & 0x8080_8080_8080_8080 == 0 { at += 8 }
        return bytes[at...].firstIndex { $0 >= 0x80 }
    }

    // MARK: Scalars

    private mutating func take(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> Int {
        let length = bytes[at] < 0xE0 ? 2 : bytes[at] < 0xF0 ? 3 : 4
        let end = min(at + length, bytes.count)
        var value = UInt32(bytes[at]) & (0x7F >> UInt32(length))
        for place in at + 1..<end { value = value << 6 | UInt32(bytes[place] & 0x3F) }
        guard let scalar = Unicode.Scalar(value) else { return end }
        switch value < 0x10000 ? Class(rawValue: PlainText.classes[Int(value)]) ?? .itself : PlainText.kind(of: scalar) {
        case .itself:
            begin()
            plain += bytes[at..<end]
        case .shape: PlainText.letters[scalar].map { append($0) }
        case .unseen: break
        case .space:
            begin()
            plain.append(0x20)
        case .mark: addMark(scalar)
        case .decomposes:
            begin()
            isComposed = false
            plain += bytes[at..<end]
        }
        return end
    }

    private mutating func append(_ text: String) {
        // Half-width kana have marks of their own.
        if let scalar = text.unicodeScalars.first, PlainText.classes[Int(scalar.value)] == Class.mark.rawValue { return addMark(scalar) }
        begin()
        plain += text.utf8
    }

    private mutating func addMark(_ scalar: Unicode.Scalar) {
        guard marks < PlainText.mostMarks else { return }
        marks += 1
        isComposed = false
        plain += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
    }

    private mutating func begin() {
        compose()
        letter = plain.count
        marks = 0
    }

    private mutating func compose() {
        guard !isComposed else { return }
        isComposed = true
        let end = String(decoding: plain[letter...], as: UTF8.self)
        plain.removeSubrange(letter...)
        for scalar in end._nfc { plain += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter }
    }

    // MARK: Tables

    private static func kind(of scalar: Unicode.Scalar) -> Class {
        if letters[scalar] != nil { return .shape }
        let properties = scalar.properties
        if properties.isDefaultIgnorableCodePoint { return .unseen }
        if properties.isWhitespace { return .space }
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: return .mark
        // The parts of a syllable of Hangul behind its first.
        default: if (0x1160..<0x1200).contains(scalar.value) { return .mark }
        }
        return String(scalar)._nfc.elementsEqual([scalar]) ? .itself : .decomposes
    }

    /// Of the scalars up to U+FFFF.
    private static let classes: [UInt8] = (0..<0x10000 as Range<UInt32>).map { value in
        // ASCII, ideographs and syllables.
        if value < 0x80 || (0x3400..<0xA000).contains(value) || (0xAC00..<0xD800).contains(value) { return Class.itself.rawValue }
        return Unicode.Scalar(value).map { kind(of: $0).rawValue } ?? Class.itself.rawValue
    }

    private static let letters: [Unicode.Scalar: String] = {
        var letters: [Unicode.Scalar: String] = [:]
        for (ligature, text) in zip(
            "\u{FB00}\u{FB01}\u{FB02}\u{FB03}\u{FB04}\u{FB05}\u{FB06}".unicodeScalars, ["ff", "fi", "fl", "ffi", "ffl", "st", "st"])
        {
            letters[ligature] = text
        }
        for entry in shapes.split(whereSeparator: { $0 == "," || $0 == "\n" }) {
            let numbers = entry.split(whereSeparator: { $0 == " " || $0 == "+" }).compactMap { UInt32($0, radix: 16) }
            guard let first = numbers.first, let target = numbers.last else { continue }
            for offset in 0..<(numbers.count == 3 ? numbers[1] : 1) {
                if let from = Unicode.Scalar(first + offset), let to = Unicode.Scalar(target + offset) { letters[from] = String(to) }
            }
        }
        return letters
    }()
}
