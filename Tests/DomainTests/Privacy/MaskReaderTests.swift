import Testing

@testable import Domain

@Suite struct MaskReaderTests {
    private static func mail(_ number: Int) -> [UInt8] { Array("a\(number)@example.com".utf8) }

    /// Of so many addresses in one text.
    private static func book(_ count: Int, own text: String = "") -> (book: MaskBook, text: [UInt8]) {
        var (bytes, findings) = ([UInt8](), [SensitiveFinding]())
        for number in 0..<count {
            let mail = mail(number)
            findings.append(SensitiveFinding(kind: .email, range: bytes.count..<bytes.count + mail.count))
            bytes += mail + Array(" ".utf8)
        }
        let own = Array(text.utf8).withUnsafeBytes { Placeholders(in: $0) }
        var book = MaskBook()
        let covered = book.cover(bytes, findings, isTaken: own.contains)
        return (book, covered)
    }

    private static func text(_ pieces: [String], _ book: MaskBook) -> String {
        let reader = MaskReader(book)
        var (held, result) = ([UInt8](), [UInt8]())
        for (place, piece) in pieces.enumerated() {
            let bytes = Array(piece.utf8)
            result += reader.read(bytes, held: &held, isLast: place == pieces.count - 1) ?? bytes
        }
        return String(decoding: result, as: UTF8.self)
    }

    @Test func whatLooksLikeAPlaceholderIsPutBackOnlyWhereItIsOne() {
        let book = Self.book(12).book
        let cases = [
            ("[EMAIL_1]", "a0@example.com"), ("[EMAIL_12]", "a11@example.com"), ("[EMAIL_13]", "[EMAIL_13]"), ("[EMAIL_01]", "[EMAIL_01]"),
            ("[[EMAIL_2]]", "[a1@example.com]"), ("[EMAIL_[EMAIL_3]", "[EMAIL_a2@example.com"), ("[IBAN_1]", "[IBAN_1]"), ("[EMAIL_]", "[EMAIL_]"),
            ("[email_1]", "[email_1]"), ("[EMAIL_99999999999]", "[EMAIL_99999999999]"), ("[", "["), ("[EMAIL_1", "[EMAIL_1"), ("", ""),
        ]
        for (text, expected) in cases {
            #expect(Self.text([text], book) == expected)
            // In two pieces, wherever it is cut, and in as many as it has letters.
            for cut in 0...text.count { #expect(Self.text([String(text.prefix(cut)), String(text.dropFirst(cut))], book) == expected) }
            #expect(Self.text(text.map { String($0) } + [""], book) == expected)
        }
    }

    @Test func nothingIsHeldThatNoPlaceholderBeginsWith() {
        let reader = MaskReader(Self.book(12).book)
        for (text, isHeld) in [
            ("[", true), ("[EM", true), ("[EMAIL_1", true), ("[EMAIL_13", false), ("[EMAIL_0", false), ("[A", false), ("[IBAN", false),
        ] {
            var held: [UInt8] = []
            _ = reader.read(Array(text.utf8), held: &held, isLast: false)
            #expect(!held.isEmpty == isHeld, "\(text)")
        }
    }

    @Test func whatStandsInTheCustomersWordsBecomesNoPlaceholder() {
        let (book, text) = Self.book(2, own: #"{"a":"[EMAIL_1][[EMAIL_3]","b":"[EMAIL_2 ]"}"#)
        #expect(String(decoding: text, as: UTF8.self) == "[EMAIL_2] [EMAIL_4] ")
        #expect(book.originals.count == 2)
    }

    /// Each would take minutes if the time grew with the number of placeholders times the length of the text.
    @Test(.timeLimit(.minutes(1))) func manyPlaceholdersInALongTextTakeNoLongerThanEach() {
        let (own, count) = ((1...20_000).map { "[EMAIL_\($0)]" }.joined() + String(repeating: "[", count: 1_000_000), 20_000)
        let (book, text) = Self.book(count, own: own)
        #expect(book.originals.count == count && text.starts(with: "[EMAIL_20001] ".utf8))
        let answer = String(repeating: "[[E", count: 100_000) + "[EMAIL_40000]"
        #expect(Self.text([answer], book) == String(repeating: "[[E", count: 100_000) + "a19999@example.com")
    }
}
