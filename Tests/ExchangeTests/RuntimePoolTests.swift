import Exchange
import NIOCore
import NIOPosix
import TestSupport
import Testing

@Suite struct RuntimePoolTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    private func ask(_ pool: NIOLoopBound<RuntimePool>, body: String = "{}") async throws -> RecordingReceiver.Answer {
        try await loop.flatSubmit { () -> EventLoopFuture<RecordingReceiver.Answer> in
            let promise = pool.eventLoop.makePromise(of: RecordingReceiver.Answer.self)
            let request = ExchangeRequest(path: "/v1/chat/completions", requestId: "id-1", worker: "w", body: ByteBuffer(string: body))
            _ = pool.value.start(request, receiver: RecordingReceiver(promise))
            return promise.futureResult
        }.get()
    }

    private func pool(_ port: Int, _ limits: ExchangeLimits = ExchangeLimits()) async throws -> NIOLoopBound<RuntimePool> {
        try await loop.submit { [loop] in
            NIOLoopBound(RuntimePool(address: .tcp(host: "127.0.0.1", port: port), eventLoop: loop, limits: limits), eventLoop: loop)
        }.get()
    }

    private func close(_ pool: NIOLoopBound<RuntimePool>, _ runtime: ScriptedRuntime) async throws {
        try await loop.submit { pool.value.close() }.get()
        try await runtime.close()
    }

    @Test func sendsTheRequestAndReadsAnAnswerOfKnownLength() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(#"{"a":1}"#))] }
        let pool = try await pool(runtime.port)
        let answer = try await ask(pool, body: #"{"model":"m"}"#)
        #expect(answer.head == ExchangeHead(status: 200, isEventStream: false))
        #expect(answer.body == #"{"a":1}"#)
        let request = try #require(runtime.seen.requests.first)
        #expect(request.hasPrefix("POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:\(runtime.port)\r\n"))
        #expect(request.contains("x-request-id: id-1\r\n"))
        #expect(request.hasSuffix("content-length: 13\r\n\r\n{\"model\":\"m\"}"))
        try await close(pool, runtime)
    }

    @Test func aConnectionIsUsedAgain() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json("{}"))] }
        let pool = try await pool(runtime.port)
        for _ in 0..<5 { #expect(try await ask(pool).body == "{}") }
        #expect(runtime.seen.connections == 1)
        try await close(pool, runtime)
    }

    @Test func chunksAreTakenApartWhateverTheSplit() async throws {
        let text = Answers.streamHead + Answers.event("{1}") + Answers.event("{2}") + Answers.streamEnd
        let runtime = try await ScriptedRuntime { _, _ in text.map { .send(String($0)) } }
        let pool = try await pool(runtime.port)
        let answer = try await ask(pool)
        #expect(answer.head?.isEventStream == true)
        #expect(answer.body == "data: {1}\n\ndata: {2}\n\n")
        #expect(answer.failure == nil)
        try await close(pool, runtime)
    }

    @Test func aReusedConnectionThatWasClosedIsTriedOnceMoreFresh() async throws {
        let runtime = try await ScriptedRuntime { number, _ in number == 1 ? [.close] : [.send(Answers.json("{}"))] }
        let pool = try await pool(runtime.port, Self.stale(for: .minutes(1)))
        _ = try await ask(pool)
        let answer = try await ask(pool)
        #expect(answer.body == "{}")
        #expect(runtime.seen.requests.count == 3)
        try await close(pool, runtime)
    }

    private static func stale(for time: TimeAmount) -> ExchangeLimits {
        var limits = ExchangeLimits()
        limits.staleTime = time
        return limits
    }

    @Test func aReusedConnectionThatClosesWhileTheRuntimeWorksIsNotTriedAgain() async throws {
        let runtime = try await ScriptedRuntime { number, _ in number == 1 ? [.close] : [.send(Answers.json("{}"))] }
        let pool = try await pool(runtime.port, Self.stale(for: .nanoseconds(0)))
        _ = try await ask(pool)
        #expect(try await ask(pool).failure == .lostBeforeHead)
        #expect(runtime.seen.requests.count == 2)
        try await close(pool, runtime)
    }

    @Test func aRuntimeThatIsGoneOnceItHadTheRequestWasLostWithIt() async throws {
        let runtime = try await ScriptedRuntime { number, _ in number == 1 ? [.exit] : [.send(Answers.json("{}"))] }
        let pool = try await pool(runtime.port, Self.stale(for: .minutes(1)))
        _ = try await ask(pool)
        #expect(try await ask(pool).failure == .lostBeforeHead)
        // What nobody was sent was not lost.
        #expect(try await ask(pool).failure == .connectFailed)
        #expect(runtime.seen.requests.count == 2)
        try await close(pool, runtime)
    }

    @Test func aFreshConnectionThatIsClosedFails() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.close] }
        let pool = try await pool(runtime.port)
        #expect(try await ask(pool).failure == .lostBeforeHead)
        #expect(runtime.seen.requests.count == 1)
        try await close(pool, runtime)
    }

    @Test(arguments: [ScriptedRuntime.Step.close, .reset])
    func anAnswerThatIsCutFails(_ end: ScriptedRuntime.Step) async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.streamHead + Answers.event("{1}")), end] }
        let pool = try await pool(runtime.port)
        let answer = try await ask(pool)
        #expect(answer.failure == .lostBeforeEnd || answer.failure == .lostBeforeHead)
        try await close(pool, runtime)
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", "garbage\r\n\r\n",
        Answers.streamHead + "zz\r\n", "HTTP/1.1 200 OK\ncontent-length: 0\n\n",
    ])
    func aMalformedAnswerFailsAndClosesTheConnection(_ text: String) async throws {
        let runtime = try await ScriptedRuntime { number, _ in [.send(number == 0 ? text : Answers.json("{}"))] }
        let pool = try await pool(runtime.port)
        #expect(try await ask(pool).failure == .malformed)
        #expect(try await ask(pool).body == "{}")
        #expect(runtime.seen.connections == 2)
        try await close(pool, runtime)
    }

    @Test func anAnswerWithoutLengthEndsWithTheConnection() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send("HTTP/1.1 200 OK\r\n\r\nabc"), .close] }
        let pool = try await pool(runtime.port)
        #expect(try await ask(pool).body == "abc")
        try await close(pool, runtime)
    }

    @Test func informationalHeadsAreSwallowed() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send("HTTP/1.1 100 Continue\r\n\r\n" + Answers.json("{}"))] }
        let pool = try await pool(runtime.port)
        #expect(try await ask(pool).head?.status == 200)
        try await close(pool, runtime)
    }

    @Test func informationalHeadsMayComeOneByOne() async throws {
        let heads = (0..<8).map { "HTTP/1.1 \([100, 102, 103][$0 % 3]) Wait\r\nlink: </a>\r\n\r\n" }
        let runtime = try await ScriptedRuntime { _, _ in heads.flatMap { $0.map { .send(String($0)) } } + [.send(Answers.json("{}"))] }
        let pool = try await pool(runtime.port)
        for _ in 0..<2 { #expect(try await ask(pool).body == "{}") }
        #expect(runtime.seen.connections == 1)
        try await close(pool, runtime)
    }

    @Test(arguments: [Array(repeating: 100, count: 9), [101], [103, 101]])
    func informationalHeadsHaveABoundAndNeverChangeTheProtocol(_ statuses: [Int]) async throws {
        let heads = statuses.map { "HTTP/1.1 \($0) Wait\r\n\r\n" }.joined()
        let runtime = try await ScriptedRuntime { _, _ in [.send(heads + Answers.json("{}"))] }
        let pool = try await pool(runtime.port)
        #expect(try await ask(pool).failure == .malformed)
        try await close(pool, runtime)
    }

    @Test func nobodyListeningIsAConnectFailure() async throws {
        // Not the port of a server that was closed: a process that another test started may have inherited its socket.
        let pool = try await pool(1)
        #expect(try await ask(pool).failure == .connectFailed)
    }

    /// NIO fails the connect to a unix socket that is not there before it returns.
    @Test func aConnectThatFailsOnTheSpotIsToldLater() async throws {
        let over = loop.makePromise(of: RecordingReceiver.Answer.self)
        let address = RuntimeAddress.unix(path: "/nowhere/runtime.sock")
        let (pool, isTold) = try await loop.submit { [loop] in
            let pool = RuntimePool(address: address, eventLoop: loop)
            let receiver = RecordingReceiver(over)
            _ = pool.start(ExchangeRequest(path: "/", requestId: "i", worker: "w", body: ByteBuffer()), receiver: receiver)
            return (NIOLoopBound(pool, eventLoop: loop), receiver.isOver)
        }.get()
        #expect(!isTold)
        #expect(try await over.futureResult.get().failure == .connectFailed)
        #expect(try await loop.submit { pool.value.openExchanges }.get() == 0)
    }

    @Test func aFullPoolSaysSo() async throws {
        var limits = ExchangeLimits()
        limits.connections = 0
        #expect(try await ask(pool(1, limits)).failure == .overloaded)
    }

    @Test func anEndlessAnswerIsRefused() async throws {
        var limits = ExchangeLimits()
        limits.answerBytes = 1000
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.streamHead + Answers.chunk(String(repeating: "x", count: 2000)))] }
        let pool = try await pool(runtime.port, limits)
        #expect(try await ask(pool).failure == .malformed)
        try await close(pool, runtime)
    }

    @Test func aLargeBodyArrivesWhole() async throws {
        let runtime = try await ScriptedRuntime { _, request in [.send(Answers.json("\(request.utf8.count)"))] }
        let pool = try await pool(runtime.port)
        let count = try #require(Int(try await ask(pool, body: String(repeating: "x", count: 300_000)).body))
        #expect(count > 300_000)
        try await close(pool, runtime)
    }
}
