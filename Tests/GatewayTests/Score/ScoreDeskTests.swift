import Logging
import NIOCore
import PlimsollWire
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Gateway

@Suite("Sums of what answers under fallbacks are worth") struct ScoreDeskTests {
    private struct Away: Error {}

    private func put(_ desk: ScoreDesk, _ answer: EndedAnswer) {
        #expect(desk.takePlace())
        desk.put(answer)
    }

    @Test("answers add up by mitigation, model, tier, region and hour, and are told once") func sums() async throws {
        let registry = MetricRegistry()
        let desk = ScoreDesk(metrics: registry)
        var other = AnswerVerdictTests.ended(Samples.answer)
        other.place.hour = 8
        let empty = AnswerVerdictTests.ended(#"{"choices":[]}"#)
        for answer in [AnswerVerdictTests.ended(Samples.answer), empty, other] { put(desk, answer) }
        await desk.judge()
        let told = desk.take(10)
        #expect(
            told == [
                FallbackScore(
                    mitigation: "x", model: "small", tier: "pro", region: "eu", hour: 7, answers: 2, scorePpm: 1_000_000, failures: ["empty": 1]),
                FallbackScore(mitigation: "x", model: "small", tier: "pro", region: "eu", hour: 8, answers: 1, scorePpm: 1_000_000),
            ])
        #expect(desk.take(10).isEmpty)
        let text = registry.prometheusText()
        #expect(text.contains(#"plimsoll_gateway_fallback_answer_failures_total{failure="empty"} 1"#))
        #expect(text.contains("plimsoll_gateway_fallback_answer_score_count 3"))
    }

    @Test("no more answers are kept than there are places, and each gives its place back") func places() async {
        let desk = ScoreDesk()
        var samples = (0..<ScoreDesk.mostHeld).compactMap { _ in desk.takePlace() ? AnswerSample(AnswerAsked(), desk: desk) : nil }
        #expect(samples.count == ScoreDesk.mostHeld && !desk.takePlace())
        // One is given up, one ends and is judged.
        samples.removeFirst()
        samples[0].take(whole: ByteBuffer(string: Samples.answer))
        samples[0].end(at: AnswerVerdictTests.place, finishReason: "stop", isBroken: false)
        samples.removeFirst()
        #expect(desk.takePlace() && !desk.takePlace())
        await desk.judge()
        #expect(desk.takePlace() && !desk.takePlace())
        #expect(desk.take(10).map(\.answers) == [1])
        // The others hold theirs until here.
        withExtendedLifetime(samples) {}
    }

    @Test("a sample keeps so many bytes and no more") func bound() async {
        let desk = ScoreDesk()
        #expect(desk.takePlace())
        let sample = AnswerSample(AnswerAsked(), desk: desk)
        let event = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\(String(repeating: "word ", count: 20))\"}}]}\n\n"
        for _ in 0..<3_000 { sample.take(events: ByteBuffer(string: event)) }
        sample.end(at: AnswerVerdictTests.place, finishReason: "length", isBroken: false)
        await desk.judge()
        #expect(desk.take(1).first?.failures == ["cut_off": 1, "repeats": 1])
    }

    @Test("what was not acknowledged is told again as it was, and what came meanwhile behind it") func again() async throws {
        let desk = ScoreDesk()
        let told = Mutex<[AnswerScoreBatch]>([])
        var sender = ScoreSender(desk: desk, boot: "b") { batch in
            let count = told.withLock { batches in
                batches.append(batch)
                return batches.count
            }
            guard count > 1 else { throw Away() }
            return IntakeResponse(stored: batch.scores.count, duplicates: 0, quarantined: 0)
        }
        put(desk, AnswerVerdictTests.ended(Samples.answer))
        await #expect(throws: Away.self) { try await sender.ship() }
        put(desk, AnswerVerdictTests.ended(#"{"choices":[]}"#))
        try await sender.ship()
        try await sender.ship()
        let batches = told.withLock { $0 }
        #expect(batches.count == 3 && batches[0] == batches[1])
        #expect(batches.map(\.sequence) == [1, 1, 2] && batches.map { $0.scores[0].answers } == [1, 1, 1])
        #expect(batches[2].scores[0].failures == ["empty": 1])
    }

    @Test("the shipper judges and tells by itself") func ships() async throws {
        let desk = ScoreDesk()
        let answers = Atomic<Int64>(0)
        let shipper = ScoreShipper(
            desk: desk, boot: "b", logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), interval: .milliseconds(10)
        ) { batch in
            answers.wrappingAdd(batch.scores.reduce(0) { $0 + $1.answers }, ordering: .relaxed)
            return IntakeResponse(stored: batch.scores.count, duplicates: 0, quarantined: 0)
        }
        for _ in 0..<3 { put(desk, AnswerVerdictTests.ended(Samples.answer)) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await shipper.run() }
            try await Waiting.until("all of it", within: .seconds(30)) { answers.load(ordering: .relaxed) == 3 }
            group.cancelAll()
        }
    }
}
