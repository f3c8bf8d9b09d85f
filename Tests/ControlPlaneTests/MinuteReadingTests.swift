import FoundationEssentials
import PlimsollWire
import Testing

@testable import ControlPlane

@Suite("Reading minutes as gateways write them") struct MinuteReadingTests {
    private static func read(_ bytes: [UInt8]) -> ToldBatch? { bytes.withUnsafeBytes { MinuteReading.batch($0) } }

    private static func sums(_ batch: ToldBatch) throws -> [MinuteIntake.Key: MinuteSums] {
        try batch.rows.values.reduce(into: [:]) { sums, rows in
            for (key, told) in rows { sums[key] = try told.sums() }
        }
    }

    private static let now = Int64(Date().timeIntervalSince1970 / 60)

    static func histogram() -> [Int: Int64] {
        Dictionary((0..<Int.random(in: 0...30)).map { _ in (Int.random(in: 0...4_000), Int64.random(in: 0...1 << 40)) }) { first, _ in first }
    }

    static func minute() -> MinuteCounters {
        var minute = MinuteCounters(
            minute: now - .random(in: -4...50_000), tenant: Bool.random() ? UUID().uuidString.lowercased() : UUID().uuidString, tier: "pro",
            model: "org/tiny_model v1", region: "eu",
            outcomes: ["good": 5, "bad:5xx": 1, "excluded:client_4xx": .random(in: 0...9)].filter { _ in Bool.random() },
            firstTokenSamples: .random(in: 2...1 << 48), firstTokenOver: 2, promptTokens: 9_000, completionTokens: 0, rateLimited: 3, disconnects: 4,
            firstTokenHistogram: histogram())
        guard Bool.random() else { return minute }
        (minute.provider, minute.drill, minute.streams, minute.lastTokenSamples, minute.lastTokenOver) = ("alpha", true, 5, 7, 6)
        (minute.queueHistogram, minute.lastTokenHistogram, minute.longLastTokenHistogram) = (histogram(), histogram(), [:])
        (minute.retrievalHistogram, minute.retrievedFirstTokenHistogram, minute.retrievedLastTokenHistogram) = (histogram(), [:], histogram())
        return minute
    }

    @Test("whatever a gateway may write is read as Codable reads it")
    func same() throws {
        for round in 0..<60 {
            let told = FirstTokenCount(tier: "pro", model: "tiny", region: "eu", drill: Bool.random() ? true : nil, samples: 5, over: 1)
            let batch = MinuteBatch(
                gateway: "g-1", boot: "b_late", sequence: Int64(round), minutes: (0..<Int.random(in: 0...4)).map { _ in Self.minute() },
                closes: [true, false, nil][round % 3], firstTokens: round % 2 == 0 ? [told, told] : nil)
            let bytes = try WireCoder.encode(batch)
            let read = try #require(Self.read(bytes))
            let known = ToldBatch(try WireCoder.decode(MinuteBatch.self, from: bytes), at: Date())
            #expect(try Self.sums(read) == Self.sums(known) && read.count == batch.minutes.count && read.rows.keys == known.rows.keys)
            #expect(
                (read.boot, read.sequence) == (known.boot, known.sequence) && read.closes == known.closes && read.firstTokens == known.firstTokens)
            let torn = stride(from: 0, to: bytes.count, by: max(1, bytes.count / 16)).filter { Self.read(Array(bytes.prefix($0))) != nil }
            #expect(torn.isEmpty)
        }
    }

    static let tenant = UUID()

    static let plain = """
        { "gateway" : "g", "boot": "b", "sequence": 7, "minutes": [ {"minute": \(now), "tenant": "\(tenant.uuidString)", "tier": "pro", "model": "m", "region": "eu",
        "outcomes": {"good": 3}, "first_token_samples": 1, "first_token_over": 0, "prompt_tokens": 10, "completion_tokens": 0, "rate_limited": 0,
        "disconnects": 0, "first_token_histogram": {"7": 1, "0": 2}} ] }
        """

    @Test("space between tokens and any order of fields change nothing")
    func space() throws {
        let read = try #require(Self.read(Array(Self.plain.utf8)))
        let sums = try #require(try Self.sums(read).first)
        #expect(sums.key.tenant == Self.tenant && sums.key.minute == Self.now && sums.key.provider.isEmpty && !sums.key.drill)
        #expect(sums.value.histograms[0] == [7: 1, 0: 2] && sums.value.outcomes == ["good": 3] && sums.value.counts[2] == 10)
    }

    @Test("of counters that come twice in a batch the last count, in both ways")
    func twice() throws {
        let (first, last) = (#""rate_limited": 0"#, #""rate_limited": 9"#)
        let inner = try #require(Self.plain.split(separator: "[").last?.split(separator: "]").first)
        let text = Self.plain.replacing(inner, with: inner + "," + inner.replacing(first, with: last))
        let read = try #require(Self.read(Array(text.utf8)))
        let known = ToldBatch(try WireCoder.decode(MinuteBatch.self, from: text.utf8), at: Date())
        #expect(try Self.sums(read) == Self.sums(known) && read.count == 2 && known.count == 2)
        #expect(try Self.sums(read).values.map { $0.counts[4] } == [9])
    }

    @Test(
        "what is written otherwise is left to Codable",
        arguments: [
            (#""tier": "pro""#, #""tier": "pr\u006f""#), (#""tier": "pro""#, #""tier": "pró""#), (#""tier": "pro""#, #""tier": null"#),
            (#""tier": "pro""#, #""tier": "pro", "heat": 1"#), (#""tier": "pro""#, #""tier": "pro", "tier": "pro""#), (#""tier": "pro","#, ""),
            (#""good": 3"#, #""good": 3.0"#), (#""good": 3"#, #""good": -3"#), (#""good": 3"#, #""good": 3e0"#), (#""good": 3"#, #""good": 03"#),
            (#""good": 3"#, #""good": 3, "good": 3"#), (#""7": 1"#, #""07": 1"#), (#""7": 1"#, #""7": 1, "7": 1"#), (#""7": 1"#, #""x": 1"#),
            (#""first_token_over": 0"#, #""first_token_over": 2"#), (#""good": 3"#, #""strange": 3"#), (#""good": 3"#, #""good": 300000000000000"#),
            (tenant.uuidString, "t"), (tenant.uuidString, tenant.uuidString + "0"), ("\(now)", "\(now + 60)"), ("\(now)", "1"),
            (#""sequence": 7"#, #""sequence": 9223372036854775807"#), ("] }", "] } x"), ("] }", "], } "), ("] }", "]"),
        ])
    func unusual(_ change: (part: String, other: String)) {
        let text = Self.plain.replacing(change.part, with: change.other)
        #expect(text != Self.plain && Self.read(Array(text.utf8)) == nil)
    }

    @Test("counts for the database are the JSON that an encoder writes")
    func counts() throws {
        let histogram = Self.histogram()
        let json = CountsText.json(BucketCounts(histogram))
        #expect(try WireCoder.decode([Int: Int64].self, from: json.utf8) == histogram)
        for written in [json, #"{ "9": -1, "10": 2 }"#] {
            let read = Dictionary(uniqueKeysWithValues: try CountsText.buckets(written))
            #expect(try read == WireCoder.decode([Int: Int64].self, from: written.utf8))
        }
        for outcomes in [[:], ["good": 5, "bad:5xx": 1], [#"bad:"\"#: 2, "good": 1], ["bad:\n": 3], ["bad:ó": 4]] as [[String: Int64]] {
            #expect(try WireCoder.decode([String: Int64].self, from: CountsText.json(outcomes).utf8) == outcomes)
            #expect(try CountsText.outcomes(CountsText.json(outcomes)) == outcomes)
        }
    }

    @Test("counts by bucket are added as a dictionary adds them, in whatever order they come")
    func buckets() {
        var (sums, known): (BucketCounts, [Int: Int64]) = (BucketCounts(), [:])
        for round in 0..<200 {
            let told = Self.histogram()
            let ordered = round % 2 == 0 ? told.sorted { $0.key < $1.key } : told.shuffled()
            var place = 0
            for (index, count) in ordered {
                let count = round % 5 == 4 ? -(known[index] ?? 0) : count
                sums.add(index, count, at: &place)
                known[index, default: 0] += count
            }
            if round % 20 == 19 {
                sums.dropNothing()
                known = known.filter { $0.value != 0 }
            }
            #expect(sums == BucketCounts(known) && sums.byIndex == known)
            #expect(sums.map(\.0) == known.keys.sorted())
        }
    }
}
