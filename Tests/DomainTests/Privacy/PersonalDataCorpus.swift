@testable import Domain

/// Texts in several languages and forms with one piece of personal data in each, made from a seed.
struct PersonalDataCorpus {
    struct Sample {
        var text: String
        /// Bytes of the text.
        var value: Range<Int>
    }

    enum Kind: String, CaseIterable {
        case email
        case iban
        case card
        /// With a plus sign, or in the groups of North America.
        case phone
        /// As it is dialled within a country, in groups behind a 0.
        case nationalPhone
        /// Behind a word for telephones, in whatever groups.
        case namedPhone
        /// Of China and Japan.
        case address
        /// Of Europe and North America, with a postal code.
        case western
    }

    /// What stands around a value: sentences, lists, tables, code, and other numbers before and behind it.
    private static let contexts = [
        "Please write to {} before Friday.", "You can reach her at {}.", "Contact ({}) is out of office.", "{} is what he gave me", "my data: {}",
        "Bitte an {} schicken.", "Erreichbar unter {} ab 9 Uhr", "Angaben: {} (seit 2019)", "Écrivez à {} avant 18 h.", "C’est « {} », merci.",
        "Escríbeme a {} mañana.", "Il mio contatto è {}.", "Proszę o kontakt: {}.", "O meu é {}, obrigado", "Пишите на {}, спасибо.", "请联系{}谢谢。",
        "連絡先は{}です。",
        "연락처: {}", "اتصل على {} اليوم", "İletişim: {}!", #"{"customer":{"id":17,"contact":"{}","since":"2024-01-05"}}"#, #"["{}","x"]"#,
        "17,Jane Doe,{},2026-11-27,active", "17;Doe;{};12", "17\t{}\t2026", "1. {}\n2. none", "- {}\n- x", "| name | {} |", "`{}`", "**{}**",
        "<td>{}</td>", "{} 12/27 123", "{} 2026-11-27", "{} 123", "{}, 42", "{} - 3", "12 {}", "No. 7: {}", "2026-11-27 {}", "#3 {}", "3) {}",
        "2026-11-27T10:00:00Z INFO user={} status=200", "user={}&x=1", "VALUES (17, '{}', 3)", #"let contact = "{}""#, "{}\n{}",
    ]

    private var random: SeededRandom

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
    }

    mutating func samples(_ kind: Kind, count: Int) -> [Sample] {
        (0..<count).map { number in
            let word = kind == .namedPhone ? one(Self.phoneWords) : ""
            let value = value(kind)
            let parts = Self.contexts[number % Self.contexts.count].components(around: "{}")
            let start = parts[0].utf8.count + word.utf8.count
            return Sample(text: parts.joined(separator: word + value), value: start..<start + value.utf8.count)
        }
    }

    private mutating func value(_ kind: Kind) -> String {
        switch kind {
        case .email: email()
        case .iban: iban()
        case .card: card()
        case .phone: phone()
        case .nationalPhone: nationalPhone()
        case .namedPhone: namedNumber()
        case .address: Bool.random(using: &random) ? chineseAddress() : japaneseAddress()
        case .western: western()
        }
    }

    private mutating func one<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: 0..<elements.count, using: &random)]
    }

    private mutating func digits(_ count: Int) -> String {
        String((0..<count).map { _ in Character("\(Int.random(in: 0...9, using: &random))") })
    }

    // MARK: Values

    private mutating func email() -> String {
        let names = [
            "jane.doe", "j_doe", "john+news", "info", "max.mustermann", "a.b.c", "x", "user\(digits(3))", "o-neil", "team%ops", "jürgen.groß",
            "élodie",
            "иван",
        ]
        let hosts = [
            "example.org", "mail.example.com", "example.co.uk", "uni-berlin.example.de", "müller.de", "x.xn--p1ai", "xn--mller-kva.example",
            "пример.рф",
            "a1.io", "example.photography", "sub.deep.example.fr", "ελλάδα.gr",
        ]
        return one([
            "\(one(names))@\(one(hosts))", "\(one(names))@\(one(hosts))", "\(one(names)).\(digits(2))@\(one(hosts))",
            "\(one(names))@\(one(hosts)).eu",
        ])
    }

    private mutating func iban() -> String {
        let forms: [(String, String)] = [
            ("DE", "nnnnnnnnnnnnnnnnnn"), ("GB", "aaaannnnnnnnnnnnnn"), ("FR", "nnnnnnnnnncccccccccccnn"), ("NL", "aaaannnnnnnnnn"),
            ("ES", "nnnnnnnnnnnnnnnnnnnn"),
            ("IT", "annnnnnnnnncccccccccccc"), ("PL", "nnnnnnnnnnnnnnnnnnnnnnnn"), ("CH", "nnnnncccccccccccc"), ("NO", "nnnnnnnnnnn"),
            ("AT", "nnnnnnnnnnnnnnnn"),
            ("BE", "nnnnnnnnnnnn"), ("MT", "aaaannnnncccccccccccccccccc"), ("SE", "nnnnnnnnnnnnnnnnnnnn"),
        ]
        let (country, form) = one(forms)
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        let account = String(
            form.map { $0 == "n" ? Character(digits(1)) : $0 == "a" || Bool.random(using: &random) ? one(letters) : Character(digits(1)) })
        let check = 98 - PersonalDataScanner.remainder(Array("\(country)00\(account)".utf8))
        let plain = country + (check < 10 ? "0" : "") + "\(check)" + account
        let written = one([plain, grouped(plain, [4], " "), grouped(plain, [4], " "), grouped(plain, [4], "-"), grouped(plain, [4], "\u{A0}")])
        return Int.random(in: 0..<5, using: &random) == 0 ? written.lowercased() : written
    }

    private mutating func card() -> String {
        let issuers: [(String, Int)] = [
            ("4", 16), ("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("2720", 16), ("34", 15), ("37", 15), ("36", 14), ("3528", 16), ("6011", 16),
            ("65", 16),
            ("62", 16), ("62", 19), ("5018", 16), ("6759", 19), ("4", 13), ("2202", 16), ("81", 16),
        ]
        let (prefix, length) = one(issuers)
        let body = prefix + digits(length - prefix.count - 1)
        let check = (0...9).first { PersonalDataScanner.isLuhn((body + "\($0)").utf8.map { $0 - 0x30 }) } ?? 0
        let plain = body + "\(check)"
        let groups = length == 15 ? [4, 6, 5] : length == 14 ? [4, 6, 4] : length == 19 ? [4, 4, 4, 4, 3] : length == 13 ? [4, 4, 5] : [4]
        return one([plain, grouped(plain, groups, " "), grouped(plain, groups, " "), grouped(plain, groups, "-"), grouped(plain, groups, "\u{A0}")])
    }

    private mutating func phone() -> String {
        let area = "\(Int.random(in: 2...9, using: &random))\(digits(2))"
        let exchange = "\(Int.random(in: 2...9, using: &random))\(digits(2))"
        let line = digits(4)
        let american = [
            "(\(area)) \(exchange)-\(line)", "\(area)-\(exchange)-\(line)", "\(area).\(exchange).\(line)", "\(area) \(exchange) \(line)",
            "1-\(area)-\(exchange)-\(line)",
            "+1 (\(area)) \(exchange)-\(line)", "+1\(area)\(exchange)\(line)", "+1 \(area) \(exchange) \(line)",
        ]
        let country = one(["49", "44", "33", "7", "81", "91", "55", "86", "61", "34", "39", "351", "972"])
        let national = "\(Int.random(in: 1...9, using: &random))\(digits(Int.random(in: 7...9, using: &random)))"
        let international = [
            "+\(country)\(national)", "+\(country) \(national)", "+\(country) \(grouped(national, [2, 3], " "))",
            "+\(country)-\(grouped(national, [3], "-"))",
            "+\(country) (0)\(grouped(national, [3, 4], " "))", "+\(country) \(national.prefix(2)) / \(national.dropFirst(2))",
            "+\(country).\(grouped(national, [2], "."))",
            "+\(country)\u{A0}\(grouped(national, [3, 3], "\u{A0}"))",
        ]
        return Int.random(in: 0..<3, using: &random) == 0 ? one(american) : one(international)
    }

    /// Germany, France, Britain, the Netherlands, Japan, Korea, Australia, Italy, China.
    private mutating func nationalPhone() -> String {
        one([
            "030 9018\(digits(2))", "030 9018\(digits(4))", "0\(lead(4))/\(digits(6))", "(0\(lead(2))) \(digits(7))", "0171/12345\(digits(2))",
            "0171 123\(digits(4))",
            "0\(lead(3))-\(digits(6))", "0\(lead(2)) / \(digits(3)) \(digits(4))", "01 23 45 67 \(digits(2))", "06.12.34.\(digits(2)).\(digits(2))",
            "07 \(digits(2)) \(digits(2)) \(digits(2)) \(digits(2))", "07911 1234\(digits(2))", "020 7946 0\(digits(3))", "(020) 7946 \(digits(4))",
            "0161 496 0\(digits(3))",
            "06 12345\(digits(3))", "06-1234\(digits(4))", "03-\(digits(4))-\(digits(4))", "090-\(digits(4))-\(digits(4))",
            "010-\(digits(4))-\(digits(4))",
            "02 \(digits(4)) \(digits(4))", "04\(lead(1))\(digits(1)) \(digits(3)) \(digits(3))", "02 1234\(digits(4))", "010-\(digits(8))",
        ])
    }

    private static let phoneWords = [
        "Tel. ", "Tel: ", "Telefon: ", "Telefonnummer ist ", "phone: ", "phone number is ", "mobile ", "my mobile is ", "fax: ", "Handy: ",
        "WhatsApp ", "Tél. : ", "téléphone ",
        "teléfono: ", "móvil ", "telefono ", "celular: ", "тел. ", "电话：", "手机号", "電話番号は", "携帯 ", "전화 ", "phone=", "\"phone\":\"", "tel:",
    ]

    private mutating func namedNumber() -> String {
        one([
            "555-\(digits(4))", "5\(digits(6))", "138\(digits(8))", "138 \(digits(4)) \(digits(4))",
            "6\(digits(2)) \(digits(2)) \(digits(2)) \(digits(2))",
            "9\(digits(2)) \(digits(3)) \(digits(3))", "3\(digits(2)) \(digits(7))", "0\(lead(1))\(digits(8))", "4155552\(digits(3))",
            "(11) 9\(digits(4))-\(digits(4))",
            "8 9\(digits(2)) \(digits(3))-\(digits(2))-\(digits(2))", "9\(digits(9))", "2\(digits(7))",
        ])
    }

    /// Digits without a 0 in front.
    private mutating func lead(_ count: Int) -> String { "\(Int.random(in: 1...9, using: &random))\(digits(count - 1))" }

    private mutating func chineseAddress() -> String {
        let place = one(["北京市朝阳区", "上海市浦东新区", "广东省深圳市南山区", "四川省成都市武侯区", "浙江省杭州市西湖区", "江苏省苏州市昆山市", "湖南省长沙县星沙镇", "臺北市大安區"])
        let street = one(["建国路", "世纪大道", "科技南路", "人民南路四段", "文三路", "长江街", "解放西路", "忠孝東路"])
        let house = one(["\(lead(2))", "\(lead(3))", "\(lead(1))-\(lead(1))"]) + (place.contains("臺") ? "號" : "号")
        return place + street + house
            + one(["", "", "\(lead(1))号楼", "\(lead(1))栋\(lead(2))室", "\(lead(1))号楼\(lead(1))单元\(lead(3))室", "A座\(lead(4))室"])
    }

    /// Of Germany and Austria, the Netherlands, France, Spain, Italy, Poland, Portugal, Britain and the United States.
    private mutating func western() -> String {
        let (number, between) = ("\(lead(2))" + one(["", "", "a", "-\(lead(2))"]), one([", ", ", ", "\n", " "]))
        let street = one(["Musterstraße", "Hauptstr.", "Berliner Straße", "Rosenweg", "Marktplatz", "Am Markt", "Schönhauser Allee", "Kärntner Ring"])
        let dutch = one(["Keizersgracht", "Kalverstraat", "Churchill-laan", "Rembrandtplein"])
        let french = one(["rue de la Paix", "avenue Victor Hugo", "boulevard de l'Hôpital", "place de la République", "Quai d'Orsay"])
        let southern = one(["Calle Mayor", "Avenida de América", "Via Roma", "Piazza Giuseppe Verdi", "ul. Długa", "Rua Augusta", "Corso Italia"])
        let english = one(["Main St", "Elm Street", "Church Road", "N. Lake Shore Drive", "Martin Luther King Jr. Blvd", "St John's Lane"])
        let forms: [String] = [
            "\(street) \(number)\(between)\(lead(5)) \(one(["Berlin", "München", "Frankfurt am Main", "Bad Homburg", "Köln"]))",
            "\(street) \(number)\(between)\(lead(4)) \(one(["Wien", "Zürich", "Linz"]))",
            "\(dutch) \(number)\(between)\(lead(4)) \(one(["CJ", "PH", "AB"])) \(one(["Amsterdam", "Den Haag", "Utrecht"]))",
            "\(lead(2)) \(one(["", "bis "]))\(french)\(between)\(digits(5)) \(one(["Paris", "Lyon", "La Rochelle", "Saint-Étienne"]))",
            "\(southern) \(number)\(between)\(digits(5)) \(one(["Madrid", "San Sebastián", "Roma", "Milano", "Alcalá de Henares"]))",
            "\(southern) \(number)\(between)\(digits(2))-\(digits(3)) \(one(["Warszawa", "Łódź", "Kraków"]))",
            "\(southern) \(number)\(between)\(digits(4))-\(digits(3)) \(one(["Lisboa", "Porto"]))",
            "\(lead(2)) \(english), \(one(["London", "Leeds", "Newcastle upon Tyne"])) \(one(["SW1A", "LS1", "EC2V", "NE12"])) \(lead(1))\(one(["AA", "BD"]))",
            "\(lead(4)) \(english), \(one(["", "Apt 4B, "]))\(one(["Springfield", "San Jose"])), \(one(["IL", "CA"])) \(digits(5))\(one(["", "-\(digits(4))"]))",
        ]
        return one(forms)
    }

    private mutating func japaneseAddress() -> String {
        let place = one(["東京都千代田区丸の内", "大阪府大阪市北区梅田", "北海道札幌市中央区北一条西", "神奈川県横浜市西区みなとみらい", "京都府京都市中京区寺町通", "埼玉県さいたま市大宮区桜木町", "福岡県福岡市博多区博多駅前"])
        let block = one([
            "\(lead(1))-\(lead(1))-\(lead(2))", "\(lead(1))丁目\(lead(1))番\(lead(1))号", "\(lead(1))丁目\(lead(1))-\(lead(1))", "\(lead(3))番地",
        ])
        let code = one(["", "", "〒\(digits(3))-\(digits(4)) ", "〒\(digits(7)) ", "〒\(digits(3))－\(digits(4))　"])
        return code + place + block
    }

    /// In groups of these lengths, the last one over and over.
    private func grouped(_ text: String, _ lengths: [Int], _ separator: String) -> String {
        var (rest, groups): (Substring, [Substring]) = (text[...], [])
        while !rest.isEmpty {
            let length = lengths[min(groups.count, lengths.count - 1)]
            groups.append(rest.prefix(length))
            rest = rest.dropFirst(length)
        }
        return groups.joined(separator: separator)
    }
}

/// What is no personal data and looks a little like it.
struct LookAlikes {
    private var random: SeededRandom

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
    }

    static let names = [
        "times", "counters of nanoseconds", "UUIDs", "digests", "versions", "addresses", "fractions", "numbers of orders", "rows of numbers", "hunks",
        "decorators",
        "book numbers", "references", "prices", "dates and times", "parts", "calls", "Chinese prose", "Japanese prose", "streets",
    ]

    mutating func text(_ name: String) -> String {
        switch name {
        case "times": "2026-11-\(digits(2)) 0\(digits(1)):\(digits(2)):\(digits(2)) 2026\(digits(4)) \(digits(6)) \(digits(2)).\(digits(2)).2026"
        case "counters of nanoseconds": "17\(digits(17)) 17\(digits(14)) 17\(digits(11))"
        case "UUIDs": "\(hex(8))-\(hex(4))-7\(hex(3))-8\(hex(3))-\(hex(12))"
        case "digests": hex(64)
        case "versions":
            "\(digits(1)).\(digits(2)).\(digits(1)) v\(digits(1)).\(digits(1)) library-\(digits(1)).\(digits(3)).tar.gz name@\(digits(1)).\(digits(2)).\(digits(1))"
        case "addresses": "10.\(digits(2)).\(digits(2)).\(digits(2)):7800 fe80::\(hex(4)):\(hex(4)) https://h.example/\(digits(5))?x=\(digits(3))"
        case "fractions": "0.\(digits(16)), -\(digits(1)).\(digits(15))e-5, 1\(digits(2)).\(digits(6))"
        case "numbers of orders": "order \(digits(8)), parcel \(digits(16)), item \(digits(13))"
        case "rows of numbers": (0..<12).map { _ in digits(Int.random(in: 1...4, using: &random)) }.joined(separator: " ")
        case "hunks": "@@ -\(digits(3)),7 +\(digits(3)),9 @@ +\(digits(2))"
        case "decorators": "@MainActor func f(_ x: Int) @property @types/node@18.\(digits(1)).\(digits(1)) git@localhost"
        case "book numbers": "ISBN 978-3-16-\(digits(6))-\(digits(1)), EAN 40\(digits(11))"
        case "dates and times":
            "on 0\(lead()).0\(lead()).2026 1\(digits(1)), 0\(lead())/0\(lead())/2026 12:00, 0\(lead()) 0\(lead()) 2026, 2026-11-\(digits(2)) 0\(digits(3))"
        case "parts":
            "part 0\(digits(3))-A\(digits(4)), 00\(digits(6)), lot \(digits(4))-\(digits(4)), chapter 0\(lead()).\(digits(2)), 0x\(hex(8)), room 0\(digits(2))"
        case "calls":
            "call \(digits(3)) times, the call took \(digits(4)) ms, phone 2 of 3, mobile users: \(digits(5)), tel. \(digits(3)), fax on page \(digits(3))"
        case "Chinese prose": "第\(digits(1))号文件，\(digits(2))号公路，今年在市区的道路上有\(digits(3))号车，省道\(digits(3))号，十月\(digits(1))号在中国路过三号门，市场\(digits(2))号摊位"
        case "Japanese prose": "\(digits(1))月号、東京都は人口\(digits(4))万人、大阪府と京都府、道が\(digits(1))つ、第\(digits(2))号、北海道の市場は\(digits(3))円、〒マーク"
        case "streets":
            "in 20\(digits(2)) Paris had \(digits(3)) streets, \(digits(2)) of 10\(digits(3)) Users took Route 66, IL \(digits(2)), section \(digits(2)), 20\(digits(2)) Budget, "
                + "Main Street \(digits(4)) Things, via port 7\(digits(3)), 7\(digits(3)) Mutual, Street view of \(digits(5)) Places"
        case "references":
            "RFC \(digits(4)), section \(digits(1)).\(digits(1)), pages \(digits(3))-\(digits(3)), 2019-2026, no12 in 20\(digits(2)) de\(digits(2)) x"
        default: "\(digits(1)) \(digits(3)) \(digits(3)),\(digits(2)) EUR, $\(digits(1)),\(digits(3)),\(digits(3)).\(digits(2))"
        }
    }

    private mutating func digits(_ count: Int) -> String {
        String((0..<count).map { _ in Character("\(Int.random(in: 0...9, using: &random))") })
    }

    /// A digit that is not 0.
    private mutating func lead() -> String { "\(Int.random(in: 1...9, using: &random))" }

    private mutating func hex(_ count: Int) -> String {
        String((0..<count).map { _ in Character(String(Int.random(in: 0...15, using: &random), radix: 16)) })
    }
}

extension String {
    fileprivate func components(around mark: String) -> [String] {
        var (rest, parts): (Substring, [String]) = (self[...], [])
        while let found = rest.firstRange(of: mark) {
            parts.append(String(rest[..<found.lowerBound]))
            rest = rest[found.upperBound...]
        }
        return parts + [String(rest)]
    }
}
