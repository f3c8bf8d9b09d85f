import NIOCore
import NIOPosix
import PlimsollWire
import Synchronization
import TestSupport
import Testing

@testable import Gateway

@Suite("Workers that fail on the way")
struct WorkerFailureTests {
    /// True for the first to ask.
    private final class First: Sendable {
        private let isTaken = Atomic<Bool>(false)
        func take() -> Bool { !isTaken.exchange(true, ordering: .relaxed) }
    }

    private static let loop = MultiThreadedEventLoopGroup.singleton.next()

    private func impatient(firstToken: Int = 60, token: Int = 30) -> GatewayFixture.Setup {
        var setup = GatewayFixture.Setup()
        (setup.settings.firstTokenTime, setup.settings.interTokenTime) = (firstToken, token)
        return setup
    }

    @Test("a worker that dies after any number of tokens is never a silent end", arguments: 1...8, [true, false])
    func diesAfter(tokens: Int, resets: Bool) async throws {
        let promise = Self.loop.makePromise(of: Void.self)
        let sent = (0..<tokens).map { Samples.token("t\($0)") }.joined()
        let runtime = try await ScriptedRuntime { _, _ in
            [.send(Answers.streamHead + Samples.role + sent), .after(promise.futureResult), resets ? .reset : .close]
        }
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            try await client.receive { $0.contains("t\(tokens - 1)") }
            promise.succeed()
            let answer = try await client.answer()
            #expect(answer.contains(#""error":{"#) && !answer.contains("[DONE]"))
            #expect(answer.ranges(of: #""content":"t"#).count == tokens)
        }
        #expect(records.map(\.outcome) == ["bad:stream_broken"])
        #expect(records.allSatisfy { $0.billablePromptTokens == 0 && $0.billableCompletionTokens == 0 })
    }

    @Test("a worker that hangs before its head is left for another one, and the client sees nothing of it")
    func hangsBeforeHead() async throws {
        let first = First()
        let script: ScriptedRuntime.Script = { _, _ in first.take() ? [] : [.send(Samples.wholeStream)] }
        let runtimes = [try await ScriptedRuntime(script), try await ScriptedRuntime(script)]
        let records = try await GatewayFixture.run(runtimes, impatient(firstToken: 3)) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            let answer = try await client.answer()
            #expect(answer.contains("[DONE]") && !answer.contains("error"))
        }
        #expect(records.map(\.outcome) == ["good"] && records.map(\.attempts) == [2])
        #expect(runtimes.allSatisfy { $0.seen.open <= 1 })
    }

    /// A byte every tenth of a second for as long as anybody listens.
    private func drip(_ bytes: String, times: Int) -> [ScriptedRuntime.Step] {
        (0..<times).flatMap { number -> [ScriptedRuntime.Step] in
            [.after(Self.loop.scheduleTask(in: .milliseconds(100 * Int64(number))) {}.futureResult), .send(Answers.chunk(bytes))]
        }
    }

    @Test("a worker that drips bytes of one line makes no progress", arguments: ["x", ": ping\n\n"])
    func drips(_ bytes: String) async throws {
        let runtime = try await ScriptedRuntime { _, _ in
            [.send(Answers.streamHead + Samples.token("a"))] + drip(bytes, times: 300)
        }
        let records = try await GatewayFixture.run([runtime], impatient(token: 1)) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            let answer = try await client.answer()
            #expect(answer.contains(#""error":{"#) && !answer.contains("[DONE]"))
            try await until { runtime.seen.open == 0 }
        }
        #expect(records.map(\.outcome) == ["bad:stream_broken"])
    }

    @Test("a line without end is cut, before and behind the first token", arguments: [true, false])
    func endlessLine(hasToken: Bool) async throws {
        let start = Answers.streamHead + (hasToken ? Samples.token("a") : "")
        let line = Answers.chunk("data: " + String(repeating: "x", count: 64 * 1024))
        let more = Answers.chunk(String(repeating: "x", count: 64 * 1024))
        let runtime = try await ScriptedRuntime { _, _ in [.send(start + line)] + (0..<64).map { _ in .send(more) } }
        let records = try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            #expect(try await client.answer().contains(#""error":{"#))
            try await until { runtime.seen.open == 0 }
        }
        #expect(records.count == 1 && records.allSatisfy { $0.billableCompletionTokens == 0 })
    }

    @Test("an answer that comes after it was given up reaches nobody")
    func lateAnswer() async throws {
        let (first, promise) = (First(), Self.loop.makePromise(of: Void.self))
        let late = Samples.wholeStream.replacing(#""content":"a""#, with: #""content":"late""#)
        let script: ScriptedRuntime.Script = { _, _ in
            first.take() ? [.after(promise.futureResult), .send(late)] : [.send(Samples.wholeStream)]
        }
        let records = try await GatewayFixture.run(
            [try await ScriptedRuntime(script), try await ScriptedRuntime(script)], impatient(firstToken: 10)
        ) { gateway in
            let client = try await TestClient(port: gateway.port)
            for _ in 0..<3 {
                client.clear()
                try await client.post(Samples.stream)
                let answer = try await client.answer()
                #expect(answer.contains(#""content":"a""#) && !answer.contains("late"))
                promise.succeed()
            }
        }
        #expect(records.map(\.outcome) == ["good", "good", "good"])
    }
}
