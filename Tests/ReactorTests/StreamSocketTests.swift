import Glibc
import NIOCore
import NIOPosix
import Reactor
import Testing

@Suite struct StreamSocketTests {
    @Test func whatIsSentIsReceivedAndTheEndIsTold() async throws {
        let text = try await SocketPair.run { pair in
            pair.send("one")
            pair.hangUp()
            return pair.seen.when("ended")
        }
        #expect(text == "one")
    }

    @Test(
        "what a handler has a place for is read to there, the rest is handed over",
        arguments: [("", 4), ("three", 0), ("three", 3), ("three", 5), ("three", 9)])
    func fill(_ sent: String, _ room: Int) async throws {
        let filled = try await SocketPair.run { pair in
            pair.seen.room = room
            pair.send(sent)
            pair.hangUp()
            return pair.seen.when("ended").assumeIsolated().map { rest in pair.seen.filled + "|" + rest }.nonisolated()
        }
        #expect(filled == sent.prefix(room) + "|" + sent.dropFirst(room))
    }

    private static func piece(_ number: Int) -> ByteBuffer {
        ByteBuffer(string: "\(number):" + String(repeating: "x", count: number % 4000) + ";")
    }

    @Test("bytes keep their order when the system takes only some of them, and the end comes behind them", arguments: [1, 2_000])
    func order(pieces: Int) async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let (far, waits) = try await loop.submit {
            let pair = try SocketPair(on: loop)
            for number in 0..<pieces { pair.near.write(Self.piece(number), isLast: number % 3 == 0) }
            let pending = pair.near.pendingBytes
            #expect((pending > 64 << 10) == pair.seen.events.contains("full"))
            pair.near.closeOutput { #expect(pair.near.pendingBytes == 0) }
            // This half is over: the other end's close ends the connection.
            pair.seen.onEvent = { if $0 == "ended" { pair.near.close() } }
            return (pair.far, pending > 0)
        }.get()
        #expect(waits == (pieces > 1))
        let expected = (0..<pieces).reduce(into: ByteBuffer()) { $0.writeImmutableBuffer(Self.piece($1)) }
        #expect(SocketPair.readAll(far) == Array(expected.readableBytesView))
        close(far)
    }

    @Test func whoReadsAgainIsToldOf() async throws {
        let far = try await SocketPair.run { pair in
            pair.near.write(ByteBuffer(repeating: 1, count: 300_000), isLast: true)
            #expect(pair.seen.events == ["full"])
            let far = pair.far
            // Off the loop, which writes meanwhile.
            Thread.detached { _ = SocketPair.readAll(far) }
            return pair.seen.when("writable").map { _ in far }
        }
        close(far)
    }

    @Test func halfOfAConnectionThatHasEndedCanBeWrittenTo() async throws {
        let far = try await SocketPair.run { pair in
            shutdown(pair.far, Int32(SHUT_WR))
            let far = pair.far
            return pair.seen.when("ended").assumeIsolated().map { _ in
                pair.near.write(ByteBuffer(string: "still"), isLast: true)
                return far
            }.nonisolated()
        }
        #expect(SocketPair.readAll(far) == Array("still".utf8))
        close(far)
    }

    @Test func nothingIsReadWhilePausedAndEverythingAfterwards() async throws {
        let text = try await SocketPair.run { pair in
            pair.near.setReading(false)
            pair.send("before ")
            pair.hangUp()
            // Its hanging up is told whether it is wanted or not, and must not keep the loop busy.
            let loop = pair.near.reactor.eventLoop
            let bound = NIOLoopBound(pair, eventLoop: loop)
            return loop.flatScheduleTask(in: .milliseconds(20)) {
                #expect(bound.value.seen.events.isEmpty)
                bound.value.near.setReading(true)
                return bound.value.seen.when("ended")
            }.futureResult
        }
        #expect(text == "before ")
    }

    @Test func aSocketThatIsClosedByAnothersHandlerIsToldOfNothingMore() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let told = try await loop.flatSubmit {
            let promise = loop.makePromise(of: [String].self)
            do {
                let pairs = try (SocketPair(on: loop), SocketPair(on: loop))
                let all = [pairs.0, pairs.1]
                // Both are ready in the same turn; whoever is first closes both.
                for pair in all {
                    pair.seen.onEvent = { event in
                        guard event == "received" else { return }
                        for pair in all { pair.near.close() }
                        promise.succeed(all.flatMap(\.seen.events).sorted())
                    }
                    pair.send("x")
                }
                promise.futureResult.assumeIsolated().whenComplete { _ in for pair in all { pair.hangUp() } }
            } catch {
                promise.fail(error)
            }
            return promise.futureResult
        }.get()
        #expect(told == ["closed", "closed", "received"])
    }

    @Test func aSocketThatIsClosedOnAQuietLoopIsLetGo() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let (watched, far) = try await loop.submit {
            let pair = try SocketPair(on: loop)
            pair.near.close()
            return (NIOLoopBound(Watched(socket: pair.near), eventLoop: loop), pair.far)
        }.get()
        // The first may run in the same turn; each wakes the loop, and none brings an event of a socket.
        for _ in 0..<3 { try await loop.submit {}.get() }
        #expect(try await loop.submit { watched.value.socket == nil }.get())
        close(far)
        try await group.shutdownGracefully()
    }

    @Test func aDetachedSocketKeepsWhatNobodyHasRead() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let (near, far) = try await loop.submit {
            let pair = try SocketPair(on: loop)
            var isClosed = false
            pair.near.whenClosed = { isClosed = true }
            pair.send("later")
            let (descriptor, whenClosed) = pair.near.detach()
            #expect(!isClosed && pair.seen.events.isEmpty && !pair.near.isOpen)
            whenClosed?()
            #expect(isClosed)
            return (descriptor, pair.far)
        }.get()
        close(far)
        _ = fcntl(near, F_SETFL, 0)
        #expect(SocketPair.readAll(near) == Array("later".utf8))
        close(near)
    }

    @Test func aWriteToNobodyEndsInACloseAfterTheStep() async throws {
        _ = try await SocketPair.run { pair in
            pair.near.setReading(false)
            pair.hangUp()
            pair.near.write(ByteBuffer(string: "x"), isLast: true)
            #expect(pair.near.isOpen && pair.seen.events.isEmpty)
            return pair.seen.when("closed")
        }
    }

    @Test func tasksAndChannelsOfTheSameLoopGoOnBesideSockets() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let server = try await ServerBootstrap(group: loop)
            .childChannelInitializer { channel in channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Echo()) } }
            .bind(host: "127.0.0.1", port: 0).get()
        let address = try #require(server.localAddress)
        // A socket and its echo, a hundred times there and back, in the loop that also carries the channel at the other end.
        let rounds = try await loop.flatSubmit {
            let promise = loop.makePromise(of: Int.self)
            let seen = Recorder(loop)
            ConnectingSocket.connect(to: [address], receiveBuffer: 65536, within: .seconds(5), reactor: .on(loop)) { socket in
                guard let socket else { return promise.fail(IOError(errnoCode: ECONNREFUSED, reason: "no connection")) }
                socket.handler = seen
                var count = 0
                seen.onEvent = { event in
                    guard event == "received" else { return }
                    count += 1
                    guard count < 100 else {
                        socket.close()
                        return promise.succeed(count)
                    }
                    loop.assumeIsolated().execute { socket.write(ByteBuffer(string: "ping"), isLast: true) }
                }
                socket.write(ByteBuffer(string: "ping"), isLast: true)
            }
            return promise.futureResult
        }.get()
        #expect(rounds == 100)
        try await server.close()
    }

    private final class Watched {
        weak var socket: StreamSocket?

        init(socket: StreamSocket) { self.socket = socket }
    }

    private final class Echo: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.writeAndFlush(data, promise: nil) }
    }
}

private enum Thread {
    static func detached(_ body: @escaping @Sendable () -> Void) {
        NIOThreadPool.singleton.submit { _ in body() }
    }
}
