import Dispatch
import Domain
import NIOCore
import NIOHTTP2
import NIOPosix
import PlimsollWire
import Synchronization
import TestSupport
import Testing

@testable import Gateway

/// What a test says of the process's memory.
final class MemoryInUse: Sendable {
    private let state = Mutex(0)
    var bytes: Int {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }

    /// Once; nothing afterwards.
    func take() -> Int {
        state.withLock { bytes in
            defer { bytes = 0 }
            return bytes
        }
    }
}

@Suite("Memory of large bodies and answers") struct MemoryWatchTests {
    private static let models = "GET /v1/models/m HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\n\r\n"
    private static let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\ncontent-type: application/json\r\n"

    private func space(_ count: Int) -> String { String(repeating: " ", count: count) }

    @Test("without memory the largest body is given up, not the one that grows, and the others go on") func largestFirst() async throws {
        var setup = GatewayFixture.Setup()
        setup.tier.maxBodyBytes = 1 << 20
        let used = MemoryInUse()
        let memory = MemoryWatch(limit: 10_000_000) { used.bytes }
        setup.memory = memory
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime], setup) { gateway in
            let (large, small) = (try await TestClient(port: gateway.port), try await TestClient(port: gateway.port))
            let other = try await HTTP2Client(port: gateway.port)
            try await large.send("\(Self.head)content-length: 500000\r\n\r\n\(space(400_000))")
            try await small.send("\(Self.head)content-length: \(119_000 + Samples.request.utf8.count)\r\n\r\n\(space(100_000))")
            other.post(1, space(150_000), isEnd: false)
            try await turns(of: gateway)
            used.bytes = 9_510_000
            try await until { memory.arriving == 650_000 }
            used.bytes = 9_790_000
            memory.lookAgain()
            try await small.send(space(19_000))
            #expect(try await large.answer().hasPrefix("HTTP/1.1 503 "))
            try await small.send(Samples.request)
            try await other.send(1, .data(.init(data: .byteBuffer(ByteBuffer(string: Samples.request)), endStream: true)))
            #expect(try await small.answer().hasPrefix("HTTP/1.1 200 "))
            #expect(try await other.answer(1).status == "200")
            #expect(gateway.metric("plimsoll_gateway_memory_refusals_total") == "1")
            #expect(memory.arriving == 0)
        }
    }

    private static func asking(_ word: String) -> String { Samples.request.replacing("hi", with: word) }

    @Test("of answers that are gathered the largest is given up too, and smaller ones and bodies go on") func largestAnswer() async throws {
        var setup = GatewayFixture.Setup()
        setup.tier.maxBodyBytes = 1 << 20
        let (used, once) = (MemoryInUse(), MemoryInUse())
        let memory = MemoryWatch(limit: 10_000_000) { max(used.bytes, once.take()) }
        setup.memory = memory
        let goesOn = ScriptedMoment()
        let (large, small) = (400_000, 100_000)
        let runtime = try await ScriptedRuntime { _, request in
            guard let size = request.contains("large") ? large : request.contains("small") ? small : nil else {
                return [.send(Answers.json(Samples.answer))]
            }
            let answer = Answers.json(Samples.answer.replacing("hello", with: String(repeating: "x", count: size)))
            return [.send(String(answer.dropLast(10))), goesOn.step, .send(String(answer.suffix(10)))]
        }
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            let (first, second) = (try await TestClient(port: gateway.port), try await TestClient(port: gateway.port))
            let other = try await TestClient(port: gateway.port)
            try await first.post(Self.asking("large"))
            try await second.post(Self.asking("small"))
            try await other.send("\(Self.head)content-length: \(150_000 + Samples.request.utf8.count)\r\n\r\n\(space(150_000))")
            try await until { runtime.seen.requests.count == 2 }
            try await turns(of: gateway)
            used.bytes = 9_510_000
            let rest = Samples.answer.utf8.count - "hello".utf8.count - 10
            try await until { memory.arriving == large + small + 2 * rest + 150_000 }
            once.bytes = 9_810_000
            let refusal = try await first.answer()
            #expect(refusal.hasPrefix("HTTP/1.1 503 ") && refusal.contains(#""code":"service_unavailable""#), "\(refusal.prefix(600))")
            #expect(refusal.contains("\r\nretry-after: 1\r\n") && !refusal.contains("x-should-retry"))
            goesOn.come()
            try await other.send(Samples.request)
            #expect(try await second.answer().hasPrefix("HTTP/1.1 200 "))
            #expect(try await other.answer().hasPrefix("HTTP/1.1 200 "))
            #expect(gateway.metric("plimsoll_gateway_memory_refusals_total") == "1")
            #expect(memory.arriving == 0)
        }
        let refused = try #require(records.first { $0.outcome != "good" })
        #expect(records.count == 3 && records.count { $0.outcome == "good" } == 2)
        #expect(refused.outcome == "bad:5xx" && refused.errorCode == "service_unavailable" && refused.billablePromptTokens == 0)
        #expect(refused.account?.fault == "gateway" && refused.account?.attempts.map(\.result) == ["cancelled"])
    }

    /// Whole, and put together of the events of a runtime that is asked to stream.
    @Test("an answer that grows where there is no memory is given up, and its worker serves on", arguments: [false, true])
    func growingAnswer(isAssembled: Bool) async throws {
        var setup = GatewayFixture.Setup()
        if isAssembled { setup.dialect = .llamacpp }
        let used = MemoryInUse()
        let memory = MemoryWatch(limit: 10_000_000) { used.bytes }
        setup.memory = memory
        let grows = ScriptedMoment()
        let payload = #"{"model":"m","choices":[{"index":0,"delta":{"content":"\#(String(repeating: "x", count: 10_000))"}}]}"#
        let piece = isAssembled ? Answers.event(payload) : payload
        let head = isAssembled ? Answers.streamHead : "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n"
        let runtime = try await ScriptedRuntime { number, _ in
            guard number == 0 else { return [.send(Answers.json(Samples.answer))] }
            return [.send(head + String(repeating: piece, count: 40)), grows.step, .send(String(repeating: piece, count: 15))]
        }
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(String(Samples.request.dropLast()) + #","n":2}"#)
            try await until { runtime.seen.requests.count == 1 }
            used.bytes = 9_510_000
            try await until { memory.arriving == 40 * payload.utf8.count }
            used.bytes = 9_790_000
            memory.lookAgain()
            grows.come()
            let refusal = try await client.answer()
            #expect(refusal.hasPrefix("HTTP/1.1 503 ") && refusal.contains(#""code":"service_unavailable""#), "\(refusal.prefix(600))")
            #expect(gateway.metric("plimsoll_gateway_memory_refusals_total") == "1" && memory.arriving == 0)
            used.bytes = 0
            let next = try await TestClient(port: gateway.port)
            try await next.post(Samples.request)
            #expect(try await next.answer().hasPrefix("HTTP/1.1 200 "))
        }
        #expect(records.map(\.outcome).sorted() == ["bad:5xx", "good"])
        #expect(records.flatMap { $0.account?.attempts ?? [] }.map(\.result).sorted() == ["answered", "cancelled"])
    }

    /// In which its one loop reads what has been sent to it.
    private func turns(of gateway: GatewayFixture) async throws {
        let client = try await TestClient(port: gateway.port)
        for _ in 0..<10 {
            try await client.send(Self.models)
            #expect(try await client.answer().hasPrefix("HTTP/1.1 200 "))
            client.clear()
        }
    }

    /// What doubling buffers leave behind is in no count of bodies: only a look sees it.
    @Test("bodies that grow by a sixty-fourth of the limit are looked behind at once") func growth() {
        let used = MemoryInUse()
        let memory = MemoryWatch(limit: 10_000_000) { used.bytes }
        used.bytes = 9_200_000
        memory.look()
        used.bytes = 9_900_000
        #expect(!memory.isShort(after: 100_000, of: 300_000))
        #expect(memory.isShort(after: 60_000, of: 360_000) && memory.isOut)
        used.bytes = 9_200_000
        #expect(memory.isOut, "the next look comes after as much again")
        #expect(memory.isShort(after: 100_000, of: 460_000))
        #expect(!memory.isShort(after: 60_000, of: 520_000))
    }

    /// The largest is on a loop that is busy: its memory counts, and only where nothing at all is left the largest of this loop goes too.
    @Test("what is given up counts until it is gone") func leaving() async throws {
        let used = MemoryInUse()
        let memory = MemoryWatch(limit: 10_000_000) { used.bytes }
        used.bytes = 9_750_000
        memory.look()
        let loops = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let (here, there) = (loops.next(), loops.next())
        let far = try await there.submit { Held(1_000_000, memory, there, used).bound }.get()
        let near = try await here.submit { [100_000, 90_000].map { Held($0, memory, here, used).bound } }.get()
        let busy = DispatchSemaphore(value: 0)
        there.execute { busy.wait() }
        func grow(_ count: Int) async throws -> [Bool] {
            used.bytes += count
            return try await here.submit {
                if memory.isShort(after: count, of: 90_000) { memory.makeRoom(on: here) }
                return near.map { $0.value.body != nil }
            }.get()
        }
        #expect(try await grow(100_000) == [true, true])
        #expect(memory.isOut && memory.arriving == 1_190_000)
        #expect(try await grow(100_000) == [true, true], "room enough will be made elsewhere")
        #expect(try await grow(100_000) == [false, true], "there is none until then")
        #expect(memory.isOut && memory.arriving == 1_090_000)
        busy.signal()
        try await until { memory.arriving == 90_000 }
        #expect(!memory.isOut)
        let isGone = try await there.submit { far.value.body == nil }.get()
        #expect(isGone)
        try await here.submit { for held in near { held.value.body = nil } }.get()
        #expect(memory.arriving == 0)
        try await loops.shutdownGracefully()
    }

    /// A body of a loop. What it leaves is seen at once.
    private final class Held {
        var body: CountedBody?
        private let loop: any EventLoop

        init(_ size: Int, _ memory: MemoryWatch, _ loop: any EventLoop, _ used: MemoryInUse) {
            self.loop = loop
            body = CountedBody(memory, on: loop) { [unowned self] in
                used.bytes -= size
                memory.lookAgain()
                body = nil
            }
            body?.size = size
        }

        var bound: NIOLoopBound<Held> { NIOLoopBound(self, eventLoop: loop) }
    }

    @Test("what somebody else holds too is not given back") func sharedBytes() {
        var bytes = ByteBuffer(repeating: 7, count: 1 << 20)
        let other = bytes
        bytes.giveBack()
        #expect(bytes.readableBytes == 0 && bytes.capacity == 0)
        #expect(other.readableBytesView.allSatisfy { $0 == 7 })
    }
}
