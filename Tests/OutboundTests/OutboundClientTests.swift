import NIOCore
import Testing

@testable import Outbound

@Suite(.timeLimit(.minutes(1)))
struct OutboundClientTests {
    let client = OutboundClient()

    @Test func aWholeAnswerComesWithStatusHeadersBodyAndTimings() async throws {
        let server = try await ScriptedServer { _, channel in
            channel.send("HTTP/1.1 201 Created\r\nX-Thing:  a b \r\ncontent-length: 2\r\n\r\nok")
        }
        let answer = try await client.send(OutboundRequest(url: server.url))
        #expect(answer.status == 201)
        #expect(answer.head["x-thing"] == "a b")
        #expect(answer.head.version == "1.1")
        #expect(answer.body == Array("ok".utf8))
        #expect(answer.timings.total >= answer.timings.firstByte && answer.timings.firstByte > .zero)
    }

    @Test func piecesOfAWholeAnswerAreToldWithTheirTimes() async throws {
        let total = 1 << 20
        let server = try await ScriptedServer { _, channel in
            channel.send("HTTP/1.1 200 OK\r\ncontent-length: \(total)\r\n\r\n")
            channel.writeAndFlush(ByteBuffer(repeating: 65, count: total), promise: nil)
        }
        let answer = try await client.send(OutboundRequest(url: server.url, responseLimit: total))
        let (first, last) = (try #require(answer.arrivals.first), try #require(answer.arrivals.last))
        #expect(answer.arrivals.count > 1 && first.after > .zero && last.end == total)
        let isOrdered = zip(answer.arrivals, answer.arrivals.dropFirst()).allSatisfy { $0.end < $1.end && $0.after <= $1.after }
        #expect(isOrdered)
        #expect(answer.arrival(ofByte: 0) == first.after)
        #expect(answer.arrival(ofByte: total - 1) == last.after)
        #expect(answer.arrival(ofByte: total) == nil)
    }

    @Test func manyPiecesAreToldWithTheLastOne() {
        var state = TransferState()
        for end in 1...(OutboundResponse.mostArrivals + 10) { state.note(OutboundArrival(end: end, after: .milliseconds(end))) }
        #expect(state.arrivals.count == OutboundResponse.mostArrivals)
        #expect(state.arrivals.last?.end == OutboundResponse.mostArrivals + 10)
    }

    @Test func theRequestArrivesAsItWasBuiltWithoutHeadersOfLibcurl() async throws {
        let server = try await ScriptedServer { head, channel in
            channel.send("HTTP/1.1 200 OK\r\ncontent-length: \(head.utf8.count)\r\n\r\n\(head)")
        }
        let request = OutboundRequest(
            method: "PATCH", url: server.url + "/a?b=1", headers: [OutboundHeader("x-empty", ""), OutboundHeader("x-one", "1")],
            body: .bytes(Array("{}".utf8)))
        let seen = String(decoding: try await client.send(request).body, as: UTF8.self)
        #expect(seen.hasPrefix("PATCH /a?b=1 HTTP/1.1\r\n"))
        #expect(seen.contains("x-one: 1\r\n") && seen.contains("x-empty:") && seen.contains("Content-Length: 2\r\n"))
        #expect(!seen.lowercased().contains("content-type") && !seen.contains("Expect"))
        #expect(seen.hasSuffix("\r\n\r\n{}"))
    }

    @Test func anInterimAnswerIsSkipped() async throws {
        let server = try await ScriptedServer { _, channel in
            channel.send("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
        }
        let answer = try await client.send(OutboundRequest(url: server.url))
        #expect(answer.status == 204)
        #expect(answer.head["link"] == nil)
    }

    @Test func aRedirectIsAnAnswer() async throws {
        let server = try await ScriptedServer { _, channel in
            channel.send("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")
        }
        #expect(try await client.send(OutboundRequest(url: server.url)).status == 302)
    }

    @Test func aConnectionIsUsedAgain() async throws {
        let server = try await ScriptedServer { _, channel in channel.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n") }
        for _ in 0..<5 { _ = try await client.send(OutboundRequest(url: server.url)) }
        #expect(server.log.connections == 1)
    }

    @Test func manyCallsRunAtTheSameTime() async throws {
        let server = try await ScriptedServer { _, channel in channel.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n") }
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<64 { group.addTask { try await client.send(OutboundRequest(url: server.url)).status } }
            return try await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(statuses == Array(repeating: 200, count: 64))
        #expect(server.log.connections <= 8)
    }

    @Test func aNeverAnsweringServerEndsAtTheDeadline() async throws {
        let server = try await ScriptedServer { _, _ in }
        let request = OutboundRequest(url: server.url, deadlines: OutboundDeadlines(total: .milliseconds(80)))
        #expect(await failure { try await client.send(request) } == .timedOut)
    }

    @Test func aDrippingServerEndsAtTheStallDeadline() async throws {
        let server = try await ScriptedServer { _, channel in channel.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc") }
        let request = OutboundRequest(url: server.url, deadlines: OutboundDeadlines(total: nil, stall: .seconds(1)))
        #expect(await failure { try await client.send(request) } == .timedOut)
    }

    @Test func cancellingTheTaskClosesTheConnection() async throws {
        let (asked, tell) = AsyncStream.makeStream(of: Void.self)
        let server = try await ScriptedServer { _, _ in tell.yield() }
        let call = Task { await failure { try await client.send(OutboundRequest(url: server.url)) } }
        for await _ in asked { break }
        call.cancel()
        #expect(await call.value == .cancelled)
        await server.log.firstClose()
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab", OutboundError.Code.connectionLost), ("", .connectionLost),
        ("HTTP/1.1 abc\r\n\r\n", .protocolViolation),
    ])
    func aBrokenAnswerIsAnError(_ text: String, _ expected: OutboundError.Code) async throws {
        let server = try await ScriptedServer { _, channel in
            channel.writeAndFlush(ByteBuffer(string: text)).whenComplete { _ in channel.close(promise: nil) }
        }
        #expect(await failure { try await client.send(OutboundRequest(url: server.url)) } == expected)
    }

    @Test func anAnswerAboveTheLimitIsRefused() async throws {
        let server = try await ScriptedServer { _, channel in channel.send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabcde") }
        #expect(await failure { try await client.send(OutboundRequest(url: server.url, responseLimit: 4)) } == .responseTooLarge)
        #expect(try await client.send(OutboundRequest(url: server.url, responseLimit: 5)).body.count == 5)
    }

    @Test(arguments: ["ftp://127.0.0.1/", "file:///etc/passwd", "http://a b/", "http://a/\r\nX: y"])
    func anAddressThatIsNoHTTPIsRefusedBeforeSending(_ url: String) async {
        #expect(await failure { try await client.send(OutboundRequest(url: url)) } == .invalidRequest)
    }

    @Test func aHeaderCannotSmuggleALine() async {
        let request = OutboundRequest(url: "http://127.0.0.1:1", headers: [OutboundHeader("a", "b\r\nc: d")])
        #expect(await failure { try await client.send(request) } == .invalidRequest)
    }

    @Test func aClosedPortIsToldApart() async throws {
        #expect(await failure { try await client.send(OutboundRequest(url: "http://127.0.0.1:1/")) } == .connectFailed)
        #expect(await failure { try await client.send(OutboundRequest(url: "http://no-such-host.invalid/")) } == .nameLookupFailed)
    }

    @Test func theBoundOnConcurrentCallsRefusesTheNext() async throws {
        let bounded = OutboundClient(concurrentCalls: 1)
        let (asked, tell) = AsyncStream.makeStream(of: Void.self)
        let server = try await ScriptedServer { _, _ in tell.yield() }
        let first = Task { await failure { try await bounded.send(OutboundRequest(url: server.url)) } }
        for await _ in asked { break }
        #expect(await failure { try await bounded.send(OutboundRequest(url: server.url)) } == .overloaded)
        bounded.shutdown()
        #expect(await first.value == .shutDown)
        #expect(await failure { try await bounded.send(OutboundRequest(url: server.url)) } == .shutDown)
    }
}

/// The code of the error that `call` throws; nil when it throws none.
func failure(_ call: () async throws -> some Any) async -> OutboundError.Code? {
    do {
        _ = try await call()
        return nil
    } catch {
        return (error as? OutboundError)?.code
    }
}
