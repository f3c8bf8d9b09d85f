extension PersonalDataScanner {
    // MARK: Addresses of China and Japan

    /// An address that is known by the sign at `at`: the number of a house behind a street's name (号), a postal code (〒), or the name of a prefecture.
    static func address(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> Range<Int>? {
        guard let sign = AddressText.sign(bytes, at) else { return nil }
        switch sign {
        case "号", "號": return AddressText.chinese(bytes, at)
        case "〒": return AddressText.postal(bytes, at)
        case "都", "道", "府", "県": return AddressText.japanese(bytes, at)
        default: return nil
        }
    }
}

/// Reads signs of East Asian scripts forwards and backwards; from each place a bounded number.
private enum AddressText {
    private static let most = 40
    private static let streets: Set<Unicode.Scalar> = ["路", "街", "道", "巷", "弄", "里", "段", "村"]
    private static let places: Set<Unicode.Scalar> = ["省", "市", "区", "區", "县", "縣", "州", "镇", "鎮", "乡", "鄉"]
    private static let wards: Set<Unicode.Scalar> = ["市", "区", "町", "村", "郡"]
    /// What stands in front of an address without a space.
    private static let leading: Set<Unicode.Scalar> = ["在", "是", "址", "到", "至", "于", "於", "住", "寄", "往", "去", "为", "送", "，", "："]
    private static let parts: Set<Unicode.Scalar> = ["楼", "樓", "栋", "幢", "层", "層", "室", "座", "号", "號", "房"]
    private static let numerals: Set<Unicode.Scalar> = ["一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "百", "〇", "零"]
    private static let dashes: Set<Unicode.Scalar> = ["-", "－", "−", "‐", "–", "ー"]
    private static let prefectures: Set<String> = [
        "北海道", "青森県", "岩手県", "宮城県", "秋田県", "山形県", "福島県", "茨城県", "栃木県", "群馬県", "埼玉県", "千葉県", "東京都", "神奈川県", "新潟県", "富山県", "石川県", "福井県", "山梨県", "長野県",
        "岐阜県", "静岡県", "愛知県", "三重県", "滋賀県", "京都府", "大阪府", "兵庫県", "奈良県", "和歌山県", "鳥取県", "島根県", "岡山県", "広島県", "山口県", "徳島県", "香川県", "愛媛県", "高知県", "福岡県",
        "佐賀県", "長崎県", "熊本県", "大分県", "宮崎県", "鹿児島県", "沖縄県",
    ]

    /// The sign whose first byte is at `at`; nil: there is none of three bytes, or it is broken.
    static func sign(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> Unicode.Scalar? {
        guard at >= 0, at + 2 < bytes.count, bytes[at] & 0xF0 == 0xE0, bytes[at + 1] & 0xC0 == 0x80, bytes[at + 2] & 0xC0 == 0x80 else { return nil }
        return Unicode.Scalar(UInt32(bytes[at] & 15) << 12 | UInt32(bytes[at + 1] & 63) << 6 | UInt32(bytes[at + 2] & 63))
    }

    /// The sign at `at`, of one byte or three.
    private static func next(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> (sign: Unicode.Scalar, end: Int)? {
        if let wide = sign(bytes, at) { return (wide, at + 3) }
        guard at < bytes.count, bytes[at] < 0x80 else { return nil }
        return (Unicode.Scalar(bytes[at]), at + 1)
    }

    private static func previous(_ bytes: UnsafeRawBufferPointer, _ end: Int) -> (sign: Unicode.Scalar, start: Int)? {
        if let wide = sign(bytes, end - 3) { return (wide, end - 3) }
        guard end > 0, bytes[end - 1] < 0x80 else { return nil }
        return (Unicode.Scalar(bytes[end - 1]), end - 1)
    }

    private static func isNumber(_ sign: Unicode.Scalar) -> Bool { ("0"..."9").contains(sign) || ("０"..."９").contains(sign) }

    private static func isHan(_ sign: Unicode.Scalar) -> Bool { ("\u{4E00}"..."\u{9FFF}").contains(sign) || sign == "々" || sign == "〇" }

    private static func isKana(_ sign: Unicode.Scalar) -> Bool { ("\u{3041}"..."\u{30FF}").contains(sign) }

    // MARK: China

    /// - Parameter at: Of the sign behind the number of the house.
    static func chinese(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> Range<Int>? {
        var start = at
        while let known = previous(bytes, start), isNumber(known.sign) || numerals.contains(known.sign) || dashes.contains(known.sign) {
            start = known.start
            guard at - start < 24 else { return nil }
        }
        guard start < at, let street = previous(bytes, start), streets.contains(street.sign) else { return nil }
        var signs: [(sign: Unicode.Scalar, start: Int)] = []
        while signs.count < most, let known = previous(bytes, start), isHan(known.sign) || isNumber(known.sign) {
            signs.append(known)
            start = known.start
        }
        // The street has a name, and is not the place in which it is.
        guard let first = signs.dropFirst(2).lastIndex(where: { places.contains($0.sign) }) else { return nil }
        let lead = signs[first...].firstIndex { leading.contains($0.sign) } ?? signs.endIndex
        guard lead > first else { return nil }
        return signs[lead - 1].start..<chineseEnd(bytes, at + 3)
    }

    /// Behind the building, the floor and the room.
    private static func chineseEnd(_ bytes: UnsafeRawBufferPointer, _ house: Int) -> Int {
        var (end, at, count) = (house, house, 0)
        while count < 24, let known = next(bytes, at) {
            if parts.contains(known.sign) || known.sign == "元" {
                end = known.end
            } else if !isNumber(known.sign), !dashes.contains(known.sign), !numerals.contains(known.sign), known.sign != "单", known.sign != "單",
                !("A"..."Z").contains(known.sign)
            {
                break
            }
            (at, count) = (known.end, count + 1)
        }
        return end
    }

    // MARK: Japan

    /// - Parameter at: Of the sign in front of a postal code.
    static func postal(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> Range<Int>? {
        var (end, digits) = (at + 3, 0)
        while digits < 7, let known = next(bytes, end),
            isNumber(known.sign) || digits == 3 && dashes.contains(known.sign) || digits == 0 && isSpace(known.sign)
        {
            if isNumber(known.sign) { digits += 1 }
            end = known.end
        }
        guard digits == 7 else { return nil }
        var from = end
        while let known = next(bytes, from), isSpace(known.sign) { from = known.end }
        return at..<(japaneseEnd(bytes, from) ?? end)
    }

    private static func isSpace(_ sign: Unicode.Scalar) -> Bool { sign == " " || sign == "　" }

    /// - Parameter at: Of the last sign of what may be a prefecture's name.
    static func japanese(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> Range<Int>? {
        let isNamed = [6, 9].first { at >= $0 && prefectures.contains(String(decoding: bytes[at - $0..<at + 3], as: UTF8.self)) }
        guard let length = isNamed, let end = japaneseEnd(bytes, at + 3) else { return nil }
        return at - length..<end
    }

    /// Behind the last number of a block or house in what follows, where a town is named first; nil: it is no address.
    private static func japaneseEnd(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Int? {
        var (at, count, hasTown, hasBlock, isAfterNumber) = (start, 0, false, false, false)
        var end: Int?
        while count < most, let known = next(bytes, at),
            isHan(known.sign) || isKana(known.sign) || isNumber(known.sign) || dashes.contains(known.sign)
        {
            let isNumber = isNumber(known.sign)
            if wards.contains(known.sign) { hasTown = true }
            // Of 1-2, 2丁目, 3番地.
            if hasTown, isAfterNumber, dashes.contains(known.sign) || known.sign == "丁" || known.sign == "番" { hasBlock = true }
            if hasTown, isNumber || end == at && ["丁", "目", "番", "地", "号"].contains(known.sign) { end = known.end }
            (at, count, isAfterNumber) = (known.end, count + 1, isNumber)
        }
        return hasBlock ? end : nil
    }
}
