import Domain
@_spi(_Unicode) import Swift

/// The form in which literals are looked for: the same for texts that Unicode holds for the same, plain for good, and without what is not seen.
enum PlainTextFuzzer: Fuzzer {
    static let name = "plain"

    static func check(_ bytes: [UInt8]) throws {
        let text = String(decoding: bytes, as: UTF8.self)
        let plain = PlainText.of(text)
        try hold(plain.utf8.count <= 3 * text.utf8.count, "\(plain.utf8.count) bytes of \(text.utf8.count)")
        try hold(!plain.unicodeScalars.contains { $0.properties.isDefaultIgnorableCodePoint }, "something that is not seen is left")
        try hold(!text.utf8.allSatisfy { $0 < 0x80 } || plain.utf8.elementsEqual(text.utf8), "ASCII is not itself")
        // Of more marks behind one letter some are left out, which of them hangs on how the text is written.
        guard text._nfd.count(where: { $0.properties.canonicalCombiningClass != .notReordered }) <= 20 else { return }
        // Of four marks that are two, and of class 0 for themselves, the standard library does not order the parts among other marks.
        guard !text.unicodeScalars.contains(where: { [0x344, 0xF73, 0xF75, 0xF81].contains($0.value) }) else { return }
        try hold(PlainText.of(plain) == plain, "not plain the first time")
        for form in [Array(text._nfd), Array(text._nfc)] {
            var other = ""
            other.unicodeScalars.append(contentsOf: form)
            try hold(PlainText.of(other).utf8.elementsEqual(plain.utf8), "another form of the same text reads otherwise")
        }
    }
}
