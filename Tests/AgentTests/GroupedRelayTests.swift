import Exchange
import PlimsollWire
import Testing

@testable import Agent

@Suite("Requests that wait for each other, over a real link", .timeLimit(.minutes(2)))
struct GroupedRelayTests {
    private let folder: TemporaryFolder
    private var socket: String { folder.path + "/r.sock" }

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test("who comes to a busy runtime waits and is then asked; who is alone, or has no window, does not wait")
    func waits() async throws {
        let runtime = ScriptedRuntime(path: socket, .hang)
        let linked = try LinkedHost(runtime: socket)
        try await runtime.serve {
            try await linked.run { link in
                let alone = Asked(link, window: 25)
                #expect(await eventually { runtime.now.requests.count == 1 })
                let hurried = Asked(link)
                #expect(await eventually { runtime.now.requests.count == 2 })
                #expect(linked.status.batchCounts == BatchCounts())
                let waiting = Asked(link, window: 25)
                #expect(await eventually { runtime.now.requests.count == 3 })
                let counts = linked.status.batchCounts
                #expect(counts.groups == 1 && counts.requests == 1 && counts.waited >= .milliseconds(25))
                for asked in [alone, hurried, waiting] { asked.cancel() }
                #expect(await eventually { linked.host.openRequests == 0 && linked.status.openRelays == 0 })
            }
        }
    }

    @Test("a host that cuts what is open keeps nobody who waits")
    func cut() async throws {
        let runtime = ScriptedRuntime(path: socket, .hang)
        let linked = try LinkedHost(runtime: socket)
        try await runtime.serve {
            try await linked.run { link in
                let first = Asked(link)
                #expect(await eventually { runtime.now.requests.count == 1 })
                let waiting = (0..<4).map { _ in Asked(link, window: 25) }
                #expect(await eventually { linked.host.openRequests == 5 })
                #expect(linked.relay.cutOpenRequests() == 5)
                for asked in [first] + waiting { #expect(await asked.outcome().failure == .reset) }
                #expect(await eventually { linked.host.openRequests == 0 && linked.status.openRelays == 0 })
            }
        }
    }
}
