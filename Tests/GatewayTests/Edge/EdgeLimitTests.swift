import Domain
import Foundation
import HTTPWire
import NIOCore
import NIOHTTP2
import NIOPosix
import PlimsollWire
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Gateway

@Suite struct EdgeLimitTests {
    private static let models = "GET /v1/models/m HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\n\r\n"

    @Test func atTheBoundOfConnectionsNewOnesWait() async throws {
        var setup = GatewayFixture.Setup()
        // Nobody is idle for long enough to make room.
        (setup.settings.connections, setup.settings.leastIdleTime) = (2, 60)
        let runtime = try await ScriptedRuntime { _, _ in [] }
        try await GatewayFixture.run([runtime], setup) { gateway in
            let (first, second) = (try await TestClient(port: gateway.port), try await TestClient(port: gateway.port))
            for client in [first, second] {
                try await client.send(Self.models)
                #expect(try await client.answer().hasPrefix("HTTP/1.1 200"))
            }
            let third = try await TestClient(port: gateway.port)
            try await third.send(Self.models)
            #expect(gateway.metric("plimsoll_gateway_connections") == "2")
            #expect(gateway.metric(#"plimsoll_gateway_accept_pauses_total{reason="connections"}"#) == "1")
            try await first.close()
            #expect(try await third.answer().hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test func whereAllConnectionsAreTakenTheLongestIdleMakesRoom() async throws {
        var setup = GatewayFixture.Setup()
        (setup.settings.connections, setup.settings.leastIdleTime) = (3, 0)
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.streamHead + Samples.role + Samples.token("a"))] }
        try await GatewayFixture.run([runtime], setup) { gateway in
            // One that runs, one that has never asked, and one that waits for its next request.
            let (busy, silent, idle) = (
                try await TestClient(port: gateway.port), try await TestClient(port: gateway.port), try await TestClient(port: gateway.port)
            )
            try await busy.post(Samples.stream)
            try await busy.receive { $0.contains(#""content":"a""#) }
            try await idle.send(Self.models)
            let next = try await TestClient(port: gateway.port)
            try await next.send(Self.models)
            #expect(try await next.answer().hasPrefix("HTTP/1.1 200"))
            #expect(try await idle.untilClosed().contains(#""object":"model""#))
            try await silent.send(Self.models)
            #expect(try await silent.answer().hasPrefix("HTTP/1.1 200"))
            #expect(!busy.received.contains("error"))
        }
    }

    @Test func noAddressTakesAllConnectionsByDefault() throws {
        var settings = GatewaySettings()
        #expect(settings.usualConnectionsPerAddress == 2_000)
        let (loopback, other) = (try #require(NetworkAddress("127.0.0.1")), try #require(NetworkAddress("192.0.2.1")))
        #expect(ConnectionBook(settings).boundedSite(other) == other && ConnectionBook(settings).boundedSite(loopback) == nil)
        #expect(ConnectionBook(settings).boundedSite(NetworkAddress("::1")) == nil && ConnectionBook(settings).boundedSite(nil) == nil)
        settings.connections = 100
        #expect(settings.usualConnectionsPerAddress == 256)
        settings.isBehindProxy = true
        #expect(ConnectionBook(settings).boundedSite(other) == nil, "it is the proxy's")
        settings.connectionsPerAddress = 0
        #expect(ConnectionBook(settings).boundedSite(other) == nil)
        settings.connectionsPerAddress = 5
        #expect(ConnectionBook(settings).boundedSite(loopback) == loopback)
    }

    /// One that never begins and one that stops within the client's first message.
    @Test func aHandshakeThatIsNotFinishedIsGivenUp() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/handshake-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await StandaloneGateway.makeCertificate(in: folder, name: "edge")
        var setup = GatewayFixture.Setup()
        setup.certificates = try EdgeCertificates(chainFile: folder + "/chain.pem", keyFile: folder + "/key.pem")
        setup.settings.headTime = 1
        let records = try await GatewayFixture.run([], setup) { gateway in
            let began = ContinuousClock.now
            let (silent, slow) = (try await TestClient(port: gateway.port), try await TestClient(port: gateway.port))
            try await slow.send("\u{16}\u{3}\u{1}\u{0}\u{50}\u{1}\u{0}\u{0}\u{4c}\u{3}\u{3}")
            for client in [silent, slow] { #expect(try await client.untilClosed().isEmpty) }
            #expect(began.duration(to: .now) >= .seconds(1), "they had the time that they have for a head")
            try await until { gateway.metric("plimsoll_gateway_connections") == "0" }
        }
        #expect(records.isEmpty)
    }

    @Test func anAddressHasOnlySoManyConnections() async throws {
        var setup = GatewayFixture.Setup()
        setup.settings.connectionsPerAddress = 1
        let runtime = try await ScriptedRuntime { _, _ in [] }
        try await GatewayFixture.run([runtime], setup) { gateway in
            let first = try await TestClient(port: gateway.port)
            try await first.send(Self.models)
            #expect(try await first.answer().hasPrefix("HTTP/1.1 200"))
            #expect(try await TestClient(port: gateway.port).untilClosed().isEmpty)
            #expect(gateway.metric("plimsoll_gateway_connections_refused_total") == "1")
            try await first.close()
            try await until { gateway.metric("plimsoll_gateway_connections") == "0" }
            let next = try await TestClient(port: gateway.port)
            try await next.send(Self.models)
            #expect(try await next.answer().hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test func browsersAreToldToComeByTLSOnlyWhereItIsSpoken() async throws {
        for (seconds, line) in [(31_536_000, "max-age=31536000"), (0, nil)] {
            var setup = GatewayFixture.Setup()
            setup.settings.strictTransportSeconds = seconds
            try await GatewayFixture.run([], setup) { gateway in
                let (one, two) = (try await TestClient(port: gateway.port), try await HTTP2Client(port: gateway.port))
                try await one.send(Self.models)
                two.get(1, "/v1/models/m")
                let answer = try await one.answer()
                #expect(answer.contains("\r\nstrict-transport-security: \(line ?? "")\r\n") == (line != nil))
                #expect(try await two.answer(1)["strict-transport-security"] == line)
            }
        }
    }

    @Test(arguments: [("2001:db8::1", "2001:db8::1"), ("::ffff:10.0.0.1", "10.0.0.1"), ("10.0.0.1", "10.0.0.1"), ("fe80::1", "fe80::1")])
    func aSocketsAddressIsTheOneThatIsWritten(socket: String, written: String) throws {
        #expect(try SocketAddress(ipAddress: socket, port: 1).withSockAddr { address, _ in NetworkAddress(address) } == NetworkAddress(written))
        #expect(try SocketAddress(unixDomainSocketPath: "/tmp/x").withSockAddr { address, _ in NetworkAddress(address) } == nil)
    }

    @Test func withoutMemoryIdleConnectionsGoAndRequestsAreRefused() async throws {
        var setup = GatewayFixture.Setup()
        let used = MemoryInUse()
        setup.memory = MemoryWatch(limit: 100 << 20) { used.bytes }
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.streamHead + Samples.role + Samples.token("a"))] }
        try await GatewayFixture.run([runtime], setup) { gateway in
            let (idle, busy) = (try await TestClient(port: gateway.port), try await HTTP2Client(port: gateway.port))
            busy.post(1, Samples.stream)
            try await until { busy.all.answers[1] != nil && gateway.metric("plimsoll_gateway_connections") == "2" }
            used.bytes = 99 << 20
            #expect(try await idle.untilClosed().isEmpty)
            busy.post(3, Samples.stream)
            #expect(try await busy.answer(3).status == "503")
            // What runs goes on.
            #expect(busy.all.answers[1]?.isOver == false)
            #expect(gateway.metric(#"plimsoll_gateway_accept_pauses_total{reason="memory"}"#) == "1")
            #expect(gateway.metric("plimsoll_gateway_memory_refusals_total") == "1")
        }
    }

    @Test func aLargeBodyThatStillArrivesIsGivenUpWithoutMemory() async throws {
        var setup = GatewayFixture.Setup()
        setup.tier.maxBodyBytes = 1 << 20
        let used = MemoryInUse()
        setup.memory = MemoryWatch(limit: 100 << 20) { used.bytes }
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime], setup) { gateway in
            let (sized, chunked, other) = (
                try await TestClient(port: gateway.port), try await TestClient(port: gateway.port), try await HTTP2Client(port: gateway.port)
            )
            let (half, head) = (String(repeating: " ", count: 100_000), "POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\n")
            try await sized.send("\(head)content-type: application/json\r\ncontent-length: 200000\r\n\r\n\(half)")
            try await chunked.send("\(head)content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n186a0\r\n\(half)\r\n")
            other.post(1, half, isEnd: false)
            try await until { gateway.metric("plimsoll_gateway_connections") == "3" }
            used.bytes = 99 << 20
            try await until { gateway.metric(#"plimsoll_gateway_accept_pauses_total{reason="memory"}"#) == "1" }
            // What had not all arrived when memory was out is refused already, and nothing more can be sent.
            try? await sized.send(" ")
            try? await chunked.send("1\r\n \r\n")
            try? await other.send(1, .data(.init(data: .byteBuffer(ByteBuffer(string: " ")))))
            #expect(try await sized.answer().hasPrefix("HTTP/1.1 503 "))
            #expect(try await chunked.answer().hasPrefix("HTTP/1.1 503 "))
            #expect(try await other.answer(1).status == "503")
            #expect(gateway.metric("plimsoll_gateway_memory_refusals_total") == "3")
        }
        #expect(runtime.seen.requests.isEmpty)
    }

    @Test func memoryIsShortOnlyBelowItsLimit() {
        for (limit, isOut) in [(1 << 20, true), (1 << 44, false), (0, false)] {
            let watch = MemoryWatch(limit: limit)
            watch.look()
            #expect(watch.isOut == isOut && watch.isShort == isOut)
        }
    }

    /// Bytes of the target, fields, and bytes of all of it: as many as may be, and one more.
    @Test func aHeadIsServedAtItsBoundsAndRefusedAboveThem() async throws {
        let (rest, limits) = (" HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\n", HeadLimits())
        func target(_ count: Int) -> String { "GET /v1/models?\(String(repeating: "a", count: count - 11))\(rest)\r\n" }
        func fields(_ count: Int) -> String { "GET /v1/models\(rest)\(String(repeating: "x: 1\r\n", count: count - 2))\r\n" }
        func bytes(_ count: Int) -> String {
            let start = "GET /v1/models\(rest)x: "
            return start + String(repeating: "a", count: count - start.utf8.count - 4) + "\r\n\r\n"
        }
        let heads = [(target, limits.targetBytes, 414), (fields, limits.fields, 431), (bytes, limits.bytes, 431)]
        try await GatewayFixture.run([]) { gateway in
            for (head, most, status) in heads {
                let client = try await TestClient(port: gateway.port)
                try await client.send(head(most))
                #expect(try await client.answer().hasPrefix("HTTP/1.1 200 "), "\(most)")
                client.clear()
                try await client.send(head(most + 1))
                let refusal = try await client.untilClosed()
                #expect(refusal.hasPrefix("HTTP/1.1 \(status) ") && refusal.contains("\r\nconnection: close\r\n"), "\(most): \(refusal)")
            }
        }
        #expect(limits.targetBytes == 8 << 10 && limits.fields == 100 && limits.bytes == 32 << 10)
    }

    /// With its length, in chunks, and over HTTP/2.
    @Test func aBodyIsTakenUpToThePlansBytesHoweverItComes() async throws {
        let setup = GatewayFixture.Setup()
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            for (more, status) in [(0, "200"), (1, "413")] {
                let body = Samples.request + String(repeating: " ", count: setup.tier.maxBodyBytes - Samples.request.utf8.count + more)
                let (sized, chunked, framed) = (
                    try await TestClient(port: gateway.port), try await TestClient(port: gateway.port), try await HTTP2Client(port: gateway.port)
                )
                try await sized.post(body)
                let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\ntransfer-encoding: chunked\r\n\r\n"
                try await chunked.send(head + Answers.chunk(body) + Answers.streamEnd)
                framed.post(1, body)
                for client in [sized, chunked] {
                    let answer = try await client.answer()
                    #expect(answer.hasPrefix("HTTP/1.1 \(status) ") && answer.contains("request_too_large") == (more > 0), "\(answer)")
                }
                #expect(try await framed.answer(1).status == status)
            }
        }
        #expect(records.count == 3 && runtime.seen.requests.count == 3)
    }

    private static let keyed: [(name: String, most: Int, object: @Sendable (Int) -> String)] = [
        // With model, cap, messages, role, content and x itself; no object has all of them.
        (
            "keys of all objects", 10_000,
            { most in
                let members = (0..<most - 6).map { #""k\#($0)":0"# }
                return "[{\(members[..<4_000].joined(separator: ","))},{\(members[4_000...].joined(separator: ","))}]"
            }
        ), ("bytes of a name", 1024, { #"{"\#(String(repeating: "n", count: $0))":1}"# }),
    ]

    @Test(arguments: keyed.indices, ["/v1/chat/completions", "/v1/messages"])
    func keysAreBoundedInNumberAndLength(_ index: Int, _ path: String) async throws {
        let (name, most, object) = Self.keyed[index]
        var setup = GatewayFixture.Setup()
        setup.tier.maxBodyBytes = 1 << 20
        for (count, status) in [(most, "200"), (most + 1, "400")] {
            let body = #"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"x":\#(object(count))}"#
            let call = try await APICall.make(path, body, reply: Answers.json(Samples.answer), setup: setup)
            #expect(call.status == status && call.sent.isEmpty == (count > most), "\(count) \(name): \(call.answer)")
            #expect(call.body.contains(#""code":"invalid_json""#) == (count > most), "\(count) \(name): \(call.answer)")
        }
    }

    @Test func aLargeBodyIsReadAsideAndAnsweredInOrder() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        let records = try await GatewayFixture.run([runtime], Self.roomy) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Self.large)
            try await client.send(Self.models)
            let answers = try await client.receive { $0.contains(#""object":"model""#) }
            let first = try #require(answers.firstRange(of: #""object":"chat.completion""#))
            #expect(try first.lowerBound < #require(answers.firstRange(of: #""object":"model""#)).lowerBound)
            try await client.post(#"{"model":"m","model":"\#(String(repeating: "x", count: 300_000))"}"#)
            try await client.receive { $0.contains("duplicate_key") }
            #expect(gateway.metric("plimsoll_gateway_bodies_read_aside_total") == "2")
        }
        #expect(records.count == 1)
        #expect(runtime.seen.requests.first?.utf8.count ?? 0 > 300_000)
    }

    @Test func aClientThatLeavesWhileItsBodyIsReadLeavesNothing() async throws {
        let runtime = try await ScriptedRuntime { _, _ in [] }
        let records = try await GatewayFixture.run([runtime], Self.roomy) { gateway in
            for _ in 0..<20 {
                let client = try await TestClient(port: gateway.port)
                try await client.post(Self.large)
                try await client.close()
            }
            try await until { gateway.metric("plimsoll_gateway_connections") == "0" }
            try await until { gateway.metric("plimsoll_gateway_requests_in_flight") == "0" }
        }
        #expect(records.allSatisfy { $0.outcome == "excluded:client_abort" })
    }

    @Test func aBodyMustComeAtItsRate() {
        var settings = GatewaySettings()
        (settings.bodyTime, settings.bodyTotalTime, settings.bodyRate) = (20, 300, 1024)
        let start = NIODeadline.now()
        var clock = BodyClock(settings, now: start)
        #expect(clock.deadline == start + .seconds(20))
        // A byte a second never pauses, and earns next to nothing.
        clock.received(19, now: start + .seconds(19))
        #expect(clock.deadline < start + .seconds(21))
        clock.received(40 * 1024, now: start + .seconds(30))
        #expect(clock.deadline == start + .seconds(50))
        clock.received(4 << 20, now: start + .seconds(290))
        #expect(clock.deadline == start + .seconds(300))
    }

    @Test func aLoopThatIsHeldUpIsCounted() async throws {
        let metrics = EdgeMetrics(MetricRegistry())
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let lag = try await eventLoop.submit { NIOLoopBound(LoopLag(on: eventLoop, metrics: metrics), eventLoop: eventLoop) }.get()
        try await eventLoop.submit {
            let end = NIODeadline.now() + .milliseconds(250)
            while NIODeadline.now() < end {}
        }.get()
        try await until { metrics.loopStalls.current > 0 }
        try await eventLoop.submit { lag.value.stop() }.get()
    }

    private static let large = #"{"model":"m","messages":[{"role":"user","content":"\#(String(repeating: "word ", count: 70_000))"}]}"#

    private static var roomy: GatewayFixture.Setup {
        var setup = GatewayFixture.Setup()
        setup.tier.maxBodyBytes = 1 << 20
        setup.tier.maxPromptTokens = 1 << 20
        setup.edit = { $0.models["m"]?.contextTokens = 0 }
        return setup
    }
}
