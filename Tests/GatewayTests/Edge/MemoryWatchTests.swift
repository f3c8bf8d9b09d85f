import Dispatch
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
}

@Suite("Memory of large bodies") struct MemoryWatchTests {
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
