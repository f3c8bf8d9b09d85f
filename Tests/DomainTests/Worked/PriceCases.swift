import Domain

/// Area PRC: prices of a token, versions, graduated prices, rounding, minimum and proration.
enum PriceCases {
    static let shapes = [
        CaseShape(required: ["tokens", "price_per_m"], compute: tokens),
        CaseShape(required: ["events", "price_per_m"], compute: events),
        CaseShape(required: ["prompt", "completion", "prices"], compute: request),
        CaseShape(required: ["price_per_m"], compute: refusal),
        CaseShape(required: ["usd"], compute: rounding),
        CaseShape(required: ["versions", "events"], compute: versions),
        CaseShape(required: ["tokens", "tiers"], compute: graduated),
        CaseShape(required: ["minimum", "usage"], compute: minimum),
        CaseShape(required: ["old", "new", "used_minutes", "month_minutes"], compute: proration),
    ]

    private static func price(_ text: String) throws(CaseFault) -> Int64 {
        guard let price = TokenPrices.picoDollars(perMillion: text) else { throw CaseFault("\(text) is not a price") }
        return price
    }

    /// Decimal text as pico-US-dollars.
    private static func pico(_ text: String) throws(CaseFault) -> Int128 {
        guard let ratio = Ratio(decimal: text) else { throw CaseFault("\(text) is not a decimal") }
        return Int128(ratio.numerator) * (Rating.picoPerDollar / Int128(ratio.denominator))
    }

    private static func line(_ pico: Int128) -> CaseValue { .text(Rating.text(Rating.cents(picoDollars: pico), places: 2)) }

    private static func cost(_ tokens: Int64, _ price: Int64) -> Int128 {
        TokenPrices(prompt: price, cachedPrompt: 0, completion: 0).cost(prompt: Int(tokens), cached: 0, completion: 0)
    }

    private static func tokens(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let sum = cost(try inputs.integer("tokens"), try price(try inputs.text("price_per_m")))
        let exceeds = sum > Int128(Int64.max)
        return [
            "pico_usd": exceeds ? .text("\(sum)") : .integer(Int64(sum)), "exceeds_int64": .bool(exceeds), "line": line(sum), "usd": line(sum),
        ]
    }

    private static func events(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let (count, price) = (try inputs.integer("events"), try price(try inputs.text("price_per_m")))
        let each = cost(1, price)
        let sum = each * Int128(count)
        let roundedEach = Rating.cents(picoDollars: each) * Int128(count)
        return ["pico_usd": .integer(Int64(sum)), "line": line(sum), "if_rounded_per_event": .text(Rating.text(roundedEach, places: 2))]
    }

    private static func request(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let prices = try inputs.array("prices").map { try price(try $0.text()) }
        let sum = TokenPrices(prompt: prices[0], cachedPrompt: 0, completion: prices[1])
            .cost(prompt: Int(try inputs.integer("prompt")), cached: 0, completion: Int(try inputs.integer("completion")))
        let shown = Rating.text(Rating.dividedHalfEven(sum, by: 10_000), places: 8)
        return ["pico_usd": .integer(Int64(sum)), "usd": .text(shown)]
    }

    private static func refusal(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let price = TokenPrices.picoDollars(perMillion: try inputs.text("price_per_m"))
        return ["pico_usd": price.map { .integer($0) } ?? .null, "result": .text(price == nil ? "rejected" : "accepted")]
    }

    private static func rounding(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let rounded = try inputs.array("usd").map { value in
            Rating.text(Rating.cents(picoDollars: try pico(try value.text())), places: 2)
        }
        // What a binary fraction would have said: its nearest double is below the tie.
        return ["rounded": .texts(rounded), "binary_float_2_675": .text("2.67")]
    }

    private static func versions(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let versions = try inputs.array("versions").enumerated().map { index, value in
            let fields = try value.array()
            guard let from = CaseInstant.microseconds(try fields[0].text() + "T00:00:00Z") else { throw CaseFault("not a day") }
            let prices = TokenPrices(prompt: try price(try fields[1].text()), cachedPrompt: 0, completion: 0)
            return PriceVersion(version: Int64(index), effectiveFrom: from, prices: prices)
        }
        let schedule = PriceSchedule(versions)
        var sums = [Int128](repeating: 0, count: versions.count)
        for event in try inputs.array("events") {
            let fields = try event.array()
            guard let at = CaseInstant.microseconds(try fields[0].text()), let version = schedule.version(at: at) else {
                throw CaseFault("no price holds")
            }
            sums[Int(version.version)] += version.prices.cost(prompt: Int(try fields[1].integer()), cached: 0, completion: 0)
        }
        let total = sums.reduce(Int128(0)) { $0 + Rating.cents(picoDollars: $1) }
        return ["lines": .array(sums.map(line)), "total": .text(Rating.text(total, places: 2))]
    }

    private static func graduated(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let steps = try inputs.array("tiers").map { value in
            let fields = try value.array()
            let name = try fields[0].text()
            let millions = Int128(name.filter(\.isNumber))
            return Rating.Step(tokens: name.hasPrefix("first") ? millions.map { $0 * 1_000_000 } : nil, price: try price(try fields[1].text()))
        }
        let sum = Rating.graduated(Int128(try inputs.integer("tokens")), steps)
        return ["pico_usd": .integer(Int64(sum)), "line": line(sum)]
    }

    private static func minimum(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let usage = try pico(try inputs.text("usage"))
        let topUp = Rating.topUp(minimum: try pico(try inputs.text("minimum")), usage: usage)
        return ["top_up": line(topUp), "total": line(usage + topUp)]
    }

    private static func proration(_ inputs: CaseInputs) throws -> [String: CaseValue] {
        let (used, month) = (try inputs.integer("used_minutes"), try inputs.integer("month_minutes"))
        let credit = Rating.prorated(try pico(try inputs.text("old")), used: used, of: month)
        let charge = Rating.prorated(try pico(try inputs.text("new")), used: used, of: month)
        return ["credit_old": line(credit), "charge_new": line(charge), "net": line(charge - credit)]
    }
}
