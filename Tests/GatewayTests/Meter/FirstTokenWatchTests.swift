import Domain
import NIOCore
import PlimsollWire
import Synchronization
import TestSupport
import Testing

@testable import Gateway

@Suite("First tokens as they come")
struct FirstTokenWatchTests {
    private static let name = ServiceName(tier: "pro", model: "mock", region: "eu")
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private func after(_ milliseconds: Int64) -> NIODeadline { start + .milliseconds(milliseconds) }

    private func counted(_ samples: Int64, late: Int64) -> [ServiceName: LatencyCounter] { [Self.name: LatencyCounter(samples: samples, over: late)] }

    @Test("one is counted when it comes, and not again when its request ends")
    func once() {
        var watch = FirstTokenWatch()
        for sequence in 1...3 as ClosedRange<Int64> { watch.expect(sequence, SpoolStand.subject, since: start) }
        watch.came(1, at: after(1_500))
        watch.came(2, at: after(1_501))
        #expect(watch.take(at: after(1_500)) == counted(2, late: 1))
        for sequence in 1...2 as ClosedRange<Int64> { watch.ended(sequence, at: after(40_000)) }
        watch.ended(3, at: after(1_400))
        #expect(watch.take(at: after(40_000)).isEmpty, "one that ended in time without a token says nothing")
    }

    @Test("one that is late is counted before it is there, and never again")
    func overdue() {
        var watch = FirstTokenWatch()
        for sequence in 1...4 as ClosedRange<Int64> { watch.expect(sequence, SpoolStand.subject, since: after(sequence * 100)) }
        #expect(watch.take(at: after(1_600)).isEmpty)
        #expect(watch.take(at: after(1_801)) == counted(3, late: 3))
        watch.came(1, at: after(30_000))
        watch.ended(2, at: after(60_000))
        watch.ended(4, at: after(2_000))
        #expect(watch.take(at: after(61_000)) == counted(1, late: 1), "its client left, late")
    }

    @Test("probes are nobody's, and drills are told apart")
    func purposes() {
        var watch = FirstTokenWatch()
        let subjects = [KeyPurpose.probe, .drill].map { purpose in
            UsageSubject(tenant: "t", key: "k", tier: "pro", model: "mock", region: "eu", firstTokenObjective: 1_000, purpose: purpose)
        }
        for (sequence, subject) in subjects.enumerated() { watch.expect(Int64(sequence), subject, since: start) }
        #expect(watch.take(at: after(2)).map(\.key.isDrill) == [true])
    }

    @Test("a stream's first token is told while its answer goes on, and is in its minute when it has ended")
    func told() async throws {
        let gate = ScriptedRuntime.promise()
        let batches = Mutex<[MinuteBatch]>([])
        let runtime = try await ScriptedRuntime { _, _ in
            [
                .send(Answers.streamHead + Samples.role + Samples.token("a")), .after(gate.futureResult),
                .send(Samples.stop + Samples.usage + Samples.done + Answers.streamEnd),
            ]
        }
        var setup = GatewayFixture.Setup()
        // Whether it is late is the machine's to say; that it is told is this test's.
        setup.tier.ttftObjectiveMicroseconds = 60_000_000
        try await GatewayFixture.run([runtime], setup) { gateway in
            var sender = MinuteSender(spool: gateway.spool) { batch in
                batches.withLock { $0.append(batch) }
                return IntakeResponse(stored: 0, duplicates: 0, quarantined: 0)
            }
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            try await client.receive { $0.contains(#""content":"a""#) }
            let now = LoopClock.wallMicroseconds() / 1_000_000
            try await sender.shipChanges(now: now)
            gate.succeed()
            #expect(try await client.answer().contains("[DONE]"))
            for later in [5, 30] as [Int64] { try await sender.shipChanges(now: now + later) }
            let sent = batches.withLock { $0 }
            let told = FirstTokenCount(tier: "pro", model: "m", region: "default", samples: 1, over: 0)
            #expect(sent.map(\.firstTokens) == [[told], [told], []])
            #expect(sent.map { $0.minutes.map(\.firstTokenSamples) } == [[], [1], []])
        }
    }
}
