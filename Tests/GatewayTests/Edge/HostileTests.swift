import NIOCore
import NIOHTTP1
import NIOPosix
import PlimsollWire
import TestSupport
import Testing

@Suite struct HostileTests {
    @Test func theRequestsOfTheSetAreWhatTheySay() {
        #expect(Samples.request.utf8.count == 0x39)
        #expect(HostileCase.all.count(where: \.mustRefuse) >= 100)
        #expect(Set(HostileCase.all.map(\.name)).count == HostileCase.all.count)
    }

    /// What is behind a refused request on its connection is not looked at: it may have been meant as its body.
    @Test(arguments: HostileCase.all) func isRefusedWithTheEndOfTheConnectionOrServed(_ hostile: HostileCase) async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.send(hostile.bytes)
            guard hostile.mustRefuse else {
                return #expect(try await client.answer().hasPrefix("HTTP/1.1 200 "))
            }
            // Fails where the connection has been closed already.
            try? await client.send("GET /v1/models HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\n\r\n")
            let answer = try await client.untilClosed()
            #expect(hostile.statuses.contains { answer.hasPrefix("HTTP/1.1 \($0) ") }, "\(answer.prefix(40))")
            #expect(answer.contains("\r\nconnection: close\r\n") && !answer.contains("HTTP/1.1 200"))
            #expect(runtime.seen.requests.isEmpty)
        }
    }

    /// Also on a connection that has been good for a request until then.
    @Test func isRefusedBehindAGoodRequestToo() async throws {
        let good = "GET /v1/models HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\n\r\n"
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime]) { gateway in
            for hostile in HostileCase.all where hostile.mustRefuse {
                let client = try await TestClient(port: gateway.port)
                try await client.send(good)
                #expect(try await client.answer().hasPrefix("HTTP/1.1 200 "))
                client.clear()
                // Both fail where the connection has been closed already.
                try? await client.send(hostile.bytes)
                try? await client.send(good)
                let answer = try await client.untilClosed()
                #expect(hostile.statuses.contains { answer.hasPrefix("HTTP/1.1 \($0) ") }, "\(hostile.name): \(answer.prefix(40))")
                #expect(answer.contains("\r\nconnection: close\r\n") && !answer.contains("HTTP/1.1 200"), "\(hostile.name)")
                // It may be gone.
                try? await client.close()
            }
        }
        #expect(runtime.seen.requests.isEmpty)
    }

    /// Whatever a peer refuses, the gateway refuses; how often each of them does is printed.
    @Test func noPeerIsStricter() async throws {
        let upstream = try await ScriptedRuntime { _, _ in [.send(Answers.json("{}"))] }
        let nio = try await PlainServer()
        let nginx = try await Nginx(upstream: upstream.port)
        var refused = ["NIOHTTP1": 0, "nginx": 0]
        for (peer, port) in [("NIOHTTP1", nio.port), ("nginx", nginx.port)] {
            for hostile in try await refusedCases(port: port) {
                if hostile.mustRefuse { refused[peer, default: 0] += 1 }
                #expect(hostile.mustRefuse, "\(peer) refuses: \(hostile.name)")
            }
        }
        let most = HostileCase.all.count(where: \.mustRefuse)
        print("of \(most) hostile requests refused: gateway \(most), NIOHTTP1 \(refused["NIOHTTP1"] ?? 0), nginx \(refused["nginx"] ?? 0)")
        #expect(refused.values.allSatisfy { $0 > most / 3 && $0 < most })
        try await nginx.stop()
        try await nio.close()
        try await upstream.close()
    }

    /// All at once: peers let some of them wait for more, and nobody wants to wait for each.
    private func refusedCases(port: Int) async throws -> [HostileCase] {
        try await withThrowingTaskGroup(of: HostileCase?.self) { group in
            for hostile in HostileCase.all {
                group.addTask {
                    do {
                        let answer = try await answer(to: hostile, port: port)
                        return answer.isEmpty || answer.hasPrefix("HTTP/1.1 4") || answer.hasPrefix("HTTP/1.1 5") && hostile.mustRefuse
                            ? hostile : nil
                    } catch is TestClient.TimedOut { return nil }
                }
            }
            return try await group.reduce(into: []) { cases, hostile in hostile.map { cases.append($0) } }
        }
    }

    private func answer(to hostile: HostileCase, port: Int) async throws -> String {
        let client = try await TestClient(port: port)
        // Fails where the connection has been closed already.
        try? await client.send(hostile.bytes)
        // An unfinished body is waited for by who takes it.
        try? await client.closeOutput()
        let answer = try await client.receive(within: .seconds(10)) { _ in false }
        try? await client.close()
        return answer
    }
}

/// swift-nio's own HTTP/1.1, answering 200 to each request that it has read to its end.
private final class PlainServer: Sendable {
    let port: Int
    private let channel: any Channel

    init() async throws {
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
                    try channel.pipeline.syncOperations.addHandler(Answering())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    func close() async throws { try await channel.close().get() }

    private final class Answering: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard case .end = unwrapInboundIn(data) else { return }
            let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: ["content-length": "0"])
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case ChannelEvent.inputClosed = event { context.close(promise: nil) }
        }
    }
}
