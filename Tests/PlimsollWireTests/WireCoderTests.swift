import FoundationEssentials
import PlimsollWire
import Testing

@Suite struct WireCoderTests {
    @Test func namesAreSnakeCaseAndSorted() throws {
        let entry = KeyEntry(id: "k", tenant: "t", sha256Hex: "00", requestsPerMinute: 5)
        let text = String(decoding: try WireCoder.encode(entry), as: UTF8.self)
        #expect(text == #"{"id":"k","requests_per_minute":5,"sha256_hex":"00","tenant":"t"}"#)
    }

    @Test func everyNameOfARecordSurvivesBothDirections() throws {
        let record = UsageRecord(
            requestId: "r", tenant: "t", key: "k", tier: "pro", model: "m", release: "rel", region: "eu", worker: "w", provider: "p", gateway: "g",
            boot: "b", sequence: 7, acceptedAt: 1, firstTokenAfter: 2, finishedAfter: 3, queuedFor: 4, stream: true, status: 200, outcome: "good",
            finishReason: "stop", errorCode: nil, promptTokens: 5, cachedPromptTokens: 6, completionTokens: 7, reasoningTokens: 8,
            billablePromptTokens: 9, billableCompletionTokens: 10, estimated: false, attempts: 1)
        #expect(try WireCoder.decode(UsageRecord.self, from: WireCoder.encode(record)) == record)
    }

    @Test func keysOfMapsAreDataAndStayAsTheyAre() throws {
        let former = ["myRelease_v0": FormerShare(weightPpm: 4, lostAtSeconds: 5)]
        let model = ModelEntry(
            name: "m", contextTokens: 1, createdAtSeconds: 2, tiers: [], releaseWeights: ["myRelease_v1": 3], formerShares: former)
        let bytes = try WireCoder.encode(model)
        #expect(String(decoding: bytes, as: UTF8.self).contains("myRelease_v1"))
        #expect(String(decoding: bytes, as: UTF8.self).contains(#""former_shares":{"myRelease_v0":{"lost_at_seconds":5,"weight_ppm":4}}"#))
        #expect(try WireCoder.decode(ModelEntry.self, from: bytes) == model)
    }

    @Test func histogramsKeepTheirBuckets() throws {
        let counters = MinuteCounters(
            minute: 29_000_000, tenant: "t", tier: "pro", model: "m", region: "eu", outcomes: ["bad:5xx": 1], firstTokenHistogram: [1847: 3])
        #expect(try WireCoder.decode(MinuteCounters.self, from: WireCoder.encode(counters)) == counters)
    }

    @Test func instantsAreRFC3339() throws {
        let operation = Operation(id: "o", kind: .drain, deadline: Date(timeIntervalSince1970: 0))
        #expect(String(decoding: try WireCoder.encode(operation), as: UTF8.self).contains("1970-01-01T00:00:00Z"))
    }

    @Test func anUnknownRoleIsRefused() {
        #expect(throws: (any Error).self) { try WireCoder.decode([PeerRole].self, from: Array(#"["root"]"#.utf8)) }
    }
}
