import Exchange
import Link
import NIOCore
import NIOPosix
import PlimsollWire
import Synchronization
import Testing

@testable import Gateway

@Suite("A gateway's links")
struct LinkRegistryTests {
    private func ask(_ linked: LinkedHost, on loop: any EventLoop, prompt: Int = 2) -> LinkedAnswer {
        let answer = LinkedAnswer(loop)
        loop.execute {
            let request = ExchangeRequest(
                path: LinkPath.completions, requestId: "r", worker: "worker-1", body: ByteBuffer(repeating: 0x20, count: prompt))
            let registry = linked.links.registry
            let (load, gate) = (registry.load(worker: "worker-1"), registry.gate(host: linked.host))
            if LinkView(registry, on: loop).start(request, host: linked.host, load: load, gate: gate, receiver: answer) == nil {
                answer.exchangeFailed(.connectFailed)
            }
        }
        return answer
    }

    private func outcome(_ answer: LinkedAnswer) async throws -> LinkedAnswer.Heard {
        try await until { answer.heard.withLock { $0.outcome } != nil }
        return answer.heard.withLock { $0 }
    }

    @Test("requests go through from every loop and are answered on it, and the load is counted")
    func everyLoop() async throws {
        let linked = try LinkedHost()
        let foreign = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loops = Array(foreign.makeIterator()) + Array(MultiThreadedEventLoopGroup.singleton.makeIterator())
        try await linked.running {
            try await until { linked.links.registry.load(worker: "worker-1").isReady }
            for loop in loops {
                let heard = try await outcome(ask(linked, on: loop, prompt: 300_000))
                #expect(heard.text == "300000 300000 300000 300000 ")
                #expect(heard.head == ExchangeHead(status: 200, isEventStream: false))
            }
            try await until { linked.links.registry.load(worker: "worker-1").inFlight == 0 }
        }
        #expect(!linked.links.registry.isLinked(host: linked.host))
        try await foreign.shutdownGracefully()
    }

    @Test("reports become load, impossible numbers are cut, and a host without a link is not ready")
    func loads() async throws {
        let linked = try LinkedHost()
        let load = linked.links.registry.load(worker: "worker-1")
        let gate = linked.links.registry.gate(host: linked.host)
        #expect(!gate.takesRequests)
        try await linked.running {
            try await until { load.isReady }
            #expect(gate.takesRequests)
            #expect(load.running == 3 && load.waiting == 0 && load.kvUsedRatio == 0.5 && load.reportedAt != nil)
        }
        #expect(!load.isReady && !gate.takesRequests)
    }

    @Test("a host is believed about its own workers only")
    func owners() async throws {
        let linked = try LinkedHost(workers: ["worker-1", "worker-of-another"])
        var foreign = linked.entry("worker-of-another")
        foreign.host = "another"
        let entries = [linked.entry("worker-1"), foreign]
        linked.links.apply(workers: entries, denied: [])
        try await linked.running {
            try await until { linked.links.registry.load(worker: "worker-1").isReady }
            #expect(!linked.links.registry.load(worker: "worker-of-another").isReady)
        }
    }

    @Test("a host that the table denies is cut at once")
    func denied() async throws {
        let linked = try LinkedHost()
        try await linked.running {
            try await until { linked.links.registry.isLinked(host: linked.host) }
            linked.links.apply(workers: [], denied: [DeniedEntry(identity: linked.identity, untilSeconds: .max)])
            try await until { !linked.links.registry.isLinked(host: linked.host) }
        }
    }

    @Test("a direct worker of the table is dialled")
    func direct() async throws {
        let linked = try LinkedHost()
        let port = try await linked.direct.bind()
        linked.tunnel.setGateways([])
        linked.links.apply(workers: [linked.entry("worker-1", link: .direct, address: "127.0.0.1:\(port)")], denied: [])
        try await linked.running {
            linked.tunnel.setGateways([])
            try await until { linked.links.registry.load(worker: "worker-1").isReady }
            try await until { !linked.direct.linkedGateways.isEmpty }
            #expect(try await outcome(ask(linked, on: MultiThreadedEventLoopGroup.singleton.next())).outcome == "end")
        }
    }

    @Test("no link, no exchange")
    func unlinked() async throws {
        let linked = try LinkedHost()
        let heard = try await outcome(ask(linked, on: MultiThreadedEventLoopGroup.singleton.next()))
        #expect(heard.outcome == "connectFailed")
    }
}
