import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import Exchange

@Suite struct HeldBodyTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    @Test func theBodyIsForgottenWhenTheAnswerBegins() async throws {
        let begun = loop.makePromise(of: Bool.self)
        let runtime = try await ScriptedRuntime { _, _ in [.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")] }
        let held = try await loop.submit { [loop] in
            let pool = RuntimePool(address: .tcp(host: "127.0.0.1", port: runtime.port), eventLoop: loop)
            let receiver = RecordingReceiver(loop.makePromise())
            let request = ExchangeRequest(path: "/v1/completions", requestId: "id-1", worker: "w", body: ByteBuffer(string: "{}"))
            let exchange = pool.start(request, receiver: receiver) as? PooledExchange
            let before = exchange?.request != nil
            receiver.onBody = {
                begun.succeed(exchange?.request == nil)
                exchange?.cancel()
                receiver.exchangeEnd()
            }
            return before
        }.get()
        #expect(held)
        #expect(try await begun.futureResult.get())
        try await runtime.close()
    }
}
