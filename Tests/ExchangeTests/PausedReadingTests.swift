import Exchange
import NIOCore
import NIOPosix
import TestSupport
import Testing

@Suite struct PausedReadingTests {
    private static let first = 32 << 20
    private static let rest = 1500 << 10

    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    /// What the kernel would hold without a bound grows with the speed of the bytes before.
    @Test func aRuntimeThatClosesFloodsNobodyWhoHasStoppedReading() async throws {
        let paused = loop.makePromise(of: Void.self)
        let (first, rest) = (String(repeating: "x", count: Self.first), String(repeating: "y", count: Self.rest))
        let runtime = try await ScriptedRuntime { number, _ in
            guard number == 0 else { return [.send(Answers.json("{}"))] }
            return [.send("HTTP/1.1 200 OK\r\n\r\n" + first), .after(paused.futureResult), .send(rest), .close]
        }
        let receiver = try await loop.submit { [loop] in
            let pool = RuntimePool(address: .tcp(host: "127.0.0.1", port: runtime.port), eventLoop: loop)
            return NIOLoopBound(PausingReceiver(pool, after: Self.first, paused), eventLoop: loop)
        }.get()
        try await paused.futureResult.get()
        while runtime.seen.open > 0 { await Task.yield() }
        // Whoever hears the answer to this one has heard of the close before.
        let other = loop.makePromise(of: RecordingReceiver.Answer.self)
        try await loop.submit { receiver.value.askAnother(RecordingReceiver(other)) }.get()
        #expect(try await other.futureResult.get().body == "{}")
        let flood = try await loop.submit { receiver.value.received - Self.first }.get()
        #expect(flood <= 256 << 10)
        try await loop.submit { receiver.value.cancel() }.get()
        try await runtime.close()
    }
}

/// Stops reading when so many bytes of an answer have come, and counts on.
private final class PausingReceiver: ExchangeReceiver {
    private(set) var received = 0
    private let pool: RuntimePool
    private let limit: Int
    private let paused: EventLoopPromise<Void>
    private var exchange: (any RunningExchange)?

    init(_ pool: RuntimePool, after limit: Int, _ paused: EventLoopPromise<Void>) {
        self.pool = pool
        self.limit = limit
        self.paused = paused
        exchange = ask(self)
    }

    func askAnother(_ receiver: any ExchangeReceiver) { _ = ask(receiver) }

    private func ask(_ receiver: any ExchangeReceiver) -> any RunningExchange {
        pool.start(ExchangeRequest(path: "/", requestId: "i", worker: "w", body: ByteBuffer()), receiver: receiver)
    }

    func cancel() { exchange?.cancel() }

    func exchangeHead(_ head: ExchangeHead) {}

    func exchangeBody(_ bytes: ByteBuffer) {
        received += bytes.readableBytes
        guard received == limit else { return }
        exchange?.setReading(false)
        paused.succeed()
    }

    func exchangeReadComplete() {}
    func exchangeEnd() {}
    func exchangeFailed(_ failure: ExchangeFailure) {}
}
