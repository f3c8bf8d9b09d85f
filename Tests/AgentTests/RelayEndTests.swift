import Exchange
import Link
import PlimsollWire
import Testing

@testable import Agent

@Suite("The relay's end, and what it holds", .timeLimit(.minutes(2)))
struct RelayEndTests {
    private let folder: TemporaryFolder
    private var socket: String { folder.path + "/r.sock" }

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test("a customer who reads nothing holds the agent up for the drain's limit and no longer")
    func slowCustomer() async throws {
        // More than a gateway buffers, less than makes the agent wait: the runtime is done while the end of the answer is still here.
        let length = 400 * 1024
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: \(length)\r\n\r\n" + String(repeating: "x", count: length)
        let runtime = ScriptedRuntime(path: socket, .answer(answer))
        let linked = try LinkedHost(runtime: socket, drainLimit: .seconds(1))
        try await runtime.serve {
            try await linked.run { link in
                let asked = Asked(link, reading: false)
                #expect(await eventually { asked.now.head != nil && linked.status.openRelays == 0 })
                #expect(linked.host.openRequests == 1)
                let began = ContinuousClock.now
                await linked.end()
                let took = began.duration(to: .now)
                #expect(took >= .seconds(1) && took < .seconds(4))
                #expect(await asked.outcome().failure == .reset)
            }
        }
        #expect(linked.host.openRequests == 0)
    }

    @Test("bodies count against their common bound until the runtime answers")
    func boundOnBodies() async throws {
        var limits = RelayLimits()
        limits.collectingBytes = 1000
        let body = String(repeating: " ", count: 599) + "}"
        let runtime = ScriptedRuntime(path: socket, .hang)
        let linked = try LinkedHost(runtime: socket, limits: limits)
        try await runtime.serve {
            try await linked.run { link in
                let first = Asked(link, body: body)
                #expect(await eventually { runtime.now.requests.count == 1 })
                #expect(await Asked(link, body: body).outcome().head?.refusal == RelayRefusal.runtimeUnreachable.rawValue)
                first.cancel()
                #expect(await eventually { linked.host.openRequests == 0 })
                let third = Asked(link, body: body)
                #expect(await eventually { runtime.now.requests.count == 2 })
                third.cancel()
            }
        }
    }

    @Test("an answer that has begun holds no body")
    func answersHoldNoBody() async throws {
        var limits = RelayLimits()
        limits.collectingBytes = 1000
        let body = String(repeating: " ", count: 599) + "}"
        let runtime = ScriptedRuntime(path: socket, .answer("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"))
        let linked = try LinkedHost(runtime: socket, limits: limits)
        try await runtime.serve {
            try await linked.run { link in
                for _ in 0..<3 {
                    let asked = Asked(link, body: body)
                    #expect(await eventually { asked.now.head?.status == 200 })
                    #expect(asked.now.head?.refusal == nil)
                }
            }
        }
    }
}
