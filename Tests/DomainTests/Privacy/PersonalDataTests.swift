import Testing

@testable import Domain

@Suite struct PersonalDataTests {
    @Test(arguments: [
        ("mail jane.doe+x@example.co.uk.", "mail <redacted email>."), ("<a@b.io>", "<<redacted email>>"),
        ("to DE89 3704 0044 0532 0130 00, please", "to <redacted iban>, please"), ("GB82WEST12345698765432", "<redacted iban>"),
        ("card 4111 1111 1111 1111!", "card <redacted card>!"), ("378282246310005", "<redacted card>"), ("5500-0000-0000-0004", "<redacted card>"),
        ("call +49 30 901820 now", "call <redacted phone> now"), ("(415) 555-2671", "<redacted phone>"), ("415-555-2671", "<redacted phone>"),
    ])
    func personalDataIsTakenOut(text: String, expected: String) {
        #expect(Redactor.standard.redact(text) == expected)
    }

    /// A card with the month in which it ends and its code, a telephone number and a date.
    @Test(arguments: [
        ("4111 1111 1111 1111 12/27 123", "<redacted card> 12/27 123"), ("4111111111111111 123", "<redacted card> 123"),
        ("4242424242424242 12/28", "<redacted card> 12/28"), ("4111-1111-1111-1111-12", "<redacted card>-12"),
        ("3782 822463 10005 1227", "<redacted card> 1227"), ("12/27 4111 1111 1111 1111", "12/27 <redacted card>"),
        ("1 4111 1111 1111 1111 5500 0000 0000 0004", "1 <redacted card> <redacted card>"), ("- 4111 1111 1111 1111 -", "- <redacted card> -"),
        ("4111\u{A0}1111\u{A0}1111\u{A0}1111", "<redacted card>"), ("卡号4111111111111111。", "卡号<redacted card>。"),
        ("+1 415 555 2671 2026-11-27", "<redacted phone> 2026-11-27"), ("+49 30 901820 - 2026-11-27", "<redacted phone> - 2026-11-27"),
        ("+49 (0)30 / 90 18 20, 2027", "<redacted phone>, 2027"), ("1-415-555-2671 x12", "<redacted phone> x12"),
        ("415.555.2671x12", "<redacted phone>x12"), ("(415) 555-2671 2026-11-27 10:00", "<redacted phone> 2026-11-27 10:00"),
    ])
    func whatStandsBesideANumberDoesNotHideIt(text: String, expected: String) {
        #expect(Redactor.standard.redact(text) == expected)
    }

    /// As they are dialled within a country, by their form or by a word in front of them.
    @Test(arguments: [
        ("ruf 030 901820 an", "ruf <redacted phone> an"), ("(030) 901820", "<redacted phone>"), ("01 23 45 67 89", "<redacted phone>"),
        ("07911 123456, please", "<redacted phone>, please"), ("0171/1234567", "<redacted phone>"), ("03-1234-5678", "<redacted phone>"),
        ("Tel. 555 0123", "Tel. <redacted phone>"), ("my phone is 4155552671", "my phone is <redacted phone>"),
        ("手机13812345678。", "手机<redacted phone>。"),
        (#"{"phone":"612345678"}"#, #"{"phone":"<redacted phone>"}"#), ("call me at 612 34 56 78", "call me at <redacted phone>"),
    ])
    func nationalNumbersAreTakenOut(text: String, expected: String) {
        #expect(Redactor.standard.redact(text) == expected)
    }

    @Test(arguments: [
        ("我住在北京市朝阳区建国路88号3号楼2单元501室。", "我住在<redacted address>。"), ("地址：广东省深圳市南山区科技南路18号", "地址：<redacted address>"),
        ("〒100-0001 東京都千代田区千代田1-1です", "<redacted address>です"), ("住所は大阪府大阪市北区梅田3丁目1番3号", "住所は<redacted address>"), ("〒1000001", "<redacted address>"),
    ])
    func addressesOfEastAsiaAreTakenOut(text: String, expected: String) {
        #expect(Redactor.standard.redact(text) == expected)
    }

    @Test(arguments: [
        ("Ich wohne in der Musterstraße 12a, 10115 Berlin.", "Ich wohne in der <redacted address>."),
        ("Berliner Str. 5\n60311 Frankfurt am Main", "<redacted address>"), ("Am Markt 7, 80331 München, Tor 2", "<redacted address>, Tor 2"),
        ("12 bis rue de la Paix, 75002 Paris, merci", "<redacted address>, merci"), ("5, avenue d’Italie 69001 Lyon", "<redacted address>"),
        ("Calle Mayor 5, 28013 Madrid", "<redacted address>"), ("'Via Giuseppe Verdi 10, 00184 Roma'", "'<redacted address>'"),
        ("ul. Długa 5, 00-238 Warszawa", "<redacted address>"), ("Rua Augusta 100, 1100-053 Lisboa", "<redacted address>"),
        ("Keizersgracht 123, 1015 CJ Amsterdam", "<redacted address>"),
        ("to 10 Downing Street, London SW1A 2AA please", "to <redacted address> please"),
        ("1600 Pennsylvania Avenue NW, Washington, DC 20500-0003!", "<redacted address>!"),
        ("123 Main St, Apt 4, Springfield, IL 62704", "<redacted address>"),
    ])
    func addressesWithAPostalCodeAreTakenOut(text: String, expected: String) {
        #expect(Redactor.standard.redact(text) == expected)
    }

    /// No digit of a card is left, whatever stands before it.
    @Test(arguments: ["+49 30 901820 4111 1111 1111 1111", "415-555-2671 4111 1111 1111 1111", "555 4111 1111 1111 1111"])
    func aNumberBeforeACardHidesNoneOfIt(text: String) {
        #expect(!Redactor.standard.redact(text).contains("1111"))
    }

    @Test(arguments: [
        ("a@müller.de", "<redacted email>"), ("to a@x.xn--p1ai!", "to <redacted email>!"), ("jürgen@straße.example.de.", "<redacted email>."),
        ("почта иван@пример.рф, да", "почта <redacted email>, да"), ("联系a@b.com谢谢", "联系<redacted email>谢谢"), ("«a@b.fr»", "«<redacted email>»"),
        ("a@b.com-Alice", "<redacted email>-Alice"), ("a@b.com.2026", "<redacted email>.2026"),
    ])
    func addressesOfOtherLettersAreTakenOut(text: String, expected: String) {
        #expect(Redactor.standard.redact(text) == expected)
    }

    @Test(arguments: [
        "de89 3704 0044 0532 0130 00", "De89370400440532013000", "DE89-3704-0044-0532-0130-00",
        "DE89\u{A0}3704\u{A0}0044\u{A0}0532\u{A0}0130\u{A0}00",
    ])
    func accountsAreTakenOutHoweverTheyAreWritten(text: String) {
        #expect(Redactor.standard.redact("to \(text), 2026") == "to <redacted iban>, 2026")
    }

    @Test(arguments: [
        "4111 1111 1111 1112", "DE89 3704 0044 0532 0130 02", "user@localhost", "@", "a@b", "1764150000000000", "+1", "127.0.0.1:7800",
        "x4111111111111111", "0000 0000 0000 0000", "2026-11-26 03:47:49", "a1b2c3d4-e5f6-4111-1111-111111111111", "XX89370400440532013000",
        "0.4111111111111111", "20261126 034749 12", "a@b.c1", "a@1.2.3.4", "41 11 11 11 11 11 11 11", "4111_1111_1111_1111",
        "01.02.2026 10:00", "call 12345678 times", "0.02352221", "09 30 15", "ISBN 0-306-40615-2", "3 04 123 4567 12", "第3号", "国道318号", "東京都は1400万人",
        "5 of 10115 Users", "in 2019 Paris had 12 streets", "Weg 5, 2019", "OR 97201", "section 12, 2024 Budget", "Main Street, 1015 CJ Amsterdam",
        "no12 in 2064 de87 x", "de17 was 2 of 3 in 2064 and 12345",
    ])
    func whatOnlyLooksLikeItStays(text: String) {
        #expect(Redactor.standard.redact(text) == text)
    }

    @Test(arguments: [
        "4", "1 ", "411 ", "4111 ", "+1-", "a@", "@a.", "de89-", "(415) ", "\u{E9}@", "Weg 1, 10115 Bo ", "St IL 62704 ", "rue 1 10115 B ",
    ])
    func textsOfAnyLengthAreGoneOverInOnePass(piece: String) {
        var findings: [SensitiveFinding] = []
        let text = Array(String(repeating: piece, count: 200_000 / piece.utf8.count).utf8)
        text.withUnsafeBytes { PersonalDataScanner.scan($0, into: &findings) }
        #expect(findings.count <= text.count / 10)
    }
}
