import Exchange
import NIOCore
import NIOPosix
import TestSupport
import Testing

@Suite struct CancelTests {
    @Test func cancellingClosesTheConnectionAndTellsNobody() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.streamHead + Answers.event("{1}"))] }
        let firstBody = loop.makePromise(of: Void.self)
        let over = loop.makePromise(of: RecordingReceiver.Answer.self)
        let running = try await loop.submit {
            let pool = RuntimePool(address: .tcp(host: "127.0.0.1", port: runtime.port), eventLoop: loop)
            let receiver = RecordingReceiver(over)
            receiver.onBody = { firstBody.succeed() }
            let request = ExchangeRequest(path: "/", requestId: "i", worker: "w", body: ByteBuffer())
            return NIOLoopBound((pool, pool.start(request, receiver: receiver)), eventLoop: loop)
        }.get()
        try await firstBody.futureResult.get()
        let open = try await loop.submit {
            running.value.1.cancel()
            return running.value.0.openExchanges
        }.get()
        #expect(open == 0)
        while runtime.seen.open > 0 { await Task.yield() }
        // Completed only now: the receiver itself was never told.
        over.succeed(RecordingReceiver.Answer(body: "untouched"))
        #expect(try await over.futureResult.get().body == "untouched")
        try await runtime.close()
    }

    @Test(arguments: [
        ("http://127.0.0.1:8080", RuntimeAddress.tcp(host: "127.0.0.1", port: 8080)), ("http://h/", .tcp(host: "h", port: 80)),
        ("http://[::1]:90", .tcp(host: "::1", port: 90)), ("unix:/run/x.sock", .unix(path: "/run/x.sock")),
    ])
    func addressesAreRead(_ text: String, _ address: RuntimeAddress) {
        #expect(RuntimeAddress(url: text) == address)
    }

    @Test(arguments: ["https://a", "http://", "http://a:0", "http://a:x", "http://a/b", "http://u@a", "unix:relative", "ftp://a"])
    func otherAddressesAreRefused(_ text: String) {
        #expect(RuntimeAddress(url: text) == nil)
    }
}
