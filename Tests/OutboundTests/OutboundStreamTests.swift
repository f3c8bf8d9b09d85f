import NIOCore
import Outbound
import Testing

@Suite(.timeLimit(.minutes(1)))
struct OutboundStreamTests {
    let client = OutboundClient()

    @Test func piecesArriveBeforeTheAnswerEnds() async throws {
        let (channels, give) = AsyncStream.makeStream(of: (any Channel).self)
        let server = try await ScriptedServer { _, channel in
            channel.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
            give.yield(channel)
        }
        let pieces = try await client.withStream(OutboundRequest(url: server.url)) { head, body in
            var pieces: [String] = ["\(head.status)"]
            var iterator = body.makeAsyncIterator()
            pieces.append(String(decoding: try await iterator.next() ?? [], as: UTF8.self))
            for await channel in channels {
                channel.send("3\r\ntwo\r\n0\r\n\r\n")
                break
            }
            while let piece = try await iterator.next() { pieces.append(String(decoding: piece, as: UTF8.self)) }
            return pieces
        }
        #expect(pieces == ["200", "one", "two"])
    }

    @Test func leavingTheStreamClosesTheConnection() async throws {
        let server = try await ScriptedServer { _, channel in channel.send("HTTP/1.1 200 OK\r\n\r\nabc") }
        let status = try await client.withStream(OutboundRequest(url: server.url)) { head, _ in head.status }
        #expect(status == 200)
        await server.log.firstClose()
    }

    @Test func aSlowReaderSlowsTheServerDown() async throws {
        let total = 64 << 20
        let server = try await ScriptedServer { _, channel in
            channel.send("HTTP/1.1 200 OK\r\ncontent-length: \(total)\r\n\r\n")
            channel.writeAndFlush(ByteBuffer(repeating: 65, count: total), promise: nil)
        }
        var largest = 0
        var received = 0
        try await client.withStream(OutboundRequest(url: server.url)) { _, body in
            for try await piece in body {
                largest = max(largest, piece.count)
                received += piece.count
            }
        }
        #expect(received == total)
        #expect(largest <= 512 << 10, "what waits for the reader is bounded")
    }

    @Test func anErrorInTheMiddleOfAStreamIsThrown() async throws {
        let server = try await ScriptedServer { _, channel in
            channel.writeAndFlush(ByteBuffer(string: "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc")).whenComplete { _ in
                channel.close(promise: nil)
            }
        }
        let code = await failure {
            try await client.withStream(OutboundRequest(url: server.url)) { _, body in for try await _ in body {} }
        }
        #expect(code == .connectionLost)
    }

    @Test(arguments: ["x: y\r\n", "HTTP/1.1 103 Early Hints\r\nlink: \(String(repeating: "a", count: 1000))\r\n\r\n"])
    func aHeadWithoutEndIsRefused(_ part: String) async throws {
        let server = try await ScriptedServer { _, channel in
            channel.send((part.hasPrefix("x") ? "HTTP/1.1 200 OK\r\n" : "") + String(repeating: part, count: 201))
        }
        #expect(await failure { try await client.send(OutboundRequest(url: server.url)) } == .protocolViolation)
    }

    @Test(arguments: [nil, 6])
    func aBodyIsSentAsItIsProduced(_ length: Int?) async throws {
        let server = try await ScriptedServer { text, channel in
            guard text.contains("abc"), text.contains("def") else { return channel.send("HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n") }
            channel.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        }
        let pieces = AsyncThrowingStream<[UInt8], any Error> { continuation in
            continuation.yield(Array("abc".utf8))
            continuation.yield(Array("def".utf8))
            continuation.finish()
        }
        let request = OutboundRequest(method: "POST", url: server.url, body: .stream(length: length, pieces))
        #expect(try await client.send(request).status == 200)
    }

    @Test func aBodyThatFailsFailsTheCall() async throws {
        let server = try await ScriptedServer { _, channel in channel.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n") }
        let pieces = AsyncThrowingStream<[UInt8], any Error> { $0.finish(throwing: TestFault("broken")) }
        let request = OutboundRequest(method: "POST", url: server.url, body: .stream(length: nil, pieces))
        #expect(await failure { try await client.send(request) } == .requestBodyFailed)
    }
}
