import Exchange
import Link
import PlimsollWire
import Testing

@testable import Agent

@Suite("The relay over a real link", .timeLimit(.minutes(2)))
struct RelayTests {
    private let folder: TemporaryFolder
    private var socket: String { folder.path + "/r.sock" }

    init() throws {
        folder = try TemporaryFolder()
    }

    private static let stream =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nplimsoll-refusal: draining\r\ntransfer-encoding: chunked\r\n\r\n"
        + "b\r\ndata: {\"a\"}\r\n2\r\n\n\n\r\n0\r\n\r\n"

    @Test("an answer passes with its framing removed, and a runtime cannot speak in the agent's name")
    func relays() async throws {
        let runtime = ScriptedRuntime(path: socket, .answer(Self.stream))
        let linked = try LinkedHost(runtime: socket)
        try await runtime.serve {
            try await linked.run { link in
                let answer = await Asked(link, body: #"{"prompt":"x"}"#).outcome()
                #expect(answer.isEnded)
                #expect(answer.head == ExchangeHead(status: 200, isEventStream: true))
                #expect(answer.body == "data: {\"a\"}\n\n")
                #expect(await eventually { linked.host.openRequests == 0 && linked.status.openRelays == 0 })
            }
        }
        let request = try #require(runtime.now.requests.first)
        #expect(request.hasPrefix("POST /v1/chat/completions HTTP/1.1\r\n"))
        #expect(request.hasSuffix("\r\n\r\n{\"prompt\":\"x\"}"))
    }

    private static let great = String(repeating: "x", count: 4 << 20)
    private static let greatPiece = String(repeating: "x", count: 64 << 10)

    private static let greatAnswers = [
        "HTTP/1.1 200 OK\r\ncontent-length: \(great.utf8.count)\r\n\r\n" + great,
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
            + String(repeating: "10000\r\n" + greatPiece + "\r\n", count: 64) + "0\r\n\r\n",
    ]

    @Test("an answer of four megabytes at once arrives whole, however it is framed and read", arguments: [0, 1], [false, true])
    func relaysGreatAnswers(framing: Int, rests: Bool) async throws {
        let runtime = ScriptedRuntime(path: socket, .answer(Self.greatAnswers[framing]))
        let linked = try LinkedHost(runtime: socket)
        try await runtime.serve {
            try await linked.run { link in
                let answer = await Asked(link, rests: rests).outcome()
                let (isEnded, length) = (answer.isEnded, answer.body.utf8.count)
                #expect(isEnded)
                #expect(length == Self.great.utf8.count)
            }
        }
    }

    @Test("a path that is not listed never reaches the runtime", arguments: ["/metrics", "/sleep", "/v1/chat/completions/"])
    func refuses(path: String) async throws {
        let runtime = ScriptedRuntime(path: socket, .answer(Self.stream))
        let linked = try LinkedHost(runtime: socket)
        try await runtime.serve {
            try await linked.run { link in
                let answer = await Asked(link, path: path).outcome()
                #expect(answer.head?.status == 404)
                #expect(answer.head?.refusal == RelayRefusal.pathNotAllowed.rawValue)
            }
        }
        #expect(runtime.now.requests.isEmpty)
    }

    @Test("a gateway that gives up frees the runtime at once")
    func cancels() async throws {
        let runtime = ScriptedRuntime(path: socket, .hang)
        let linked = try LinkedHost(runtime: socket)
        try await runtime.serve {
            try await linked.run { link in
                let asked = Asked(link)
                #expect(await eventually { runtime.now.requests.count == 1 })
                asked.cancel()
                #expect(await eventually { runtime.now.closed == 1 })
                #expect(await eventually { linked.host.openRequests == 0 })
            }
        }
    }

    @Test("a runtime that dies in the middle is a cut answer; one that is not there is a refusal")
    func tellsLossFromRefusal() async throws {
        let runtime = ScriptedRuntime(path: socket, .cut("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"))
        let linked = try LinkedHost(runtime: socket)
        try await linked.run { link in
            try await runtime.serve {
                let cut = await Asked(link).outcome()
                #expect(cut.head?.status == 200)
                #expect(cut.failure == .reset)
            }
            let refused = await Asked(link).outcome()
            #expect(refused.head?.refusal == RelayRefusal.runtimeUnreachable.rawValue)
            #expect(linked.status.load.errorsTotal == 2)
        }
    }

    @Test("gateways hear of a worker's load and of a drain, and new requests are refused by name")
    func reportsAndDrains() async throws {
        let runtime = ScriptedRuntime(path: socket, .hang)
        let linked = try LinkedHost(runtime: socket)
        try await runtime.serve {
            try await linked.run { link in
                #expect(await eventually { linked.reports.last?.workers.first?.ready == true })
                let open = Asked(link)
                #expect(await eventually { linked.reports.last?.workers.first?.load.relaying == 1 })
                linked.host.obey(.drain)
                #expect(await Asked(link).outcome().head?.refusal == RelayRefusal.draining.rawValue)
                #expect(await eventually { linked.reports.last?.state == .draining })
                #expect(linked.relay.cutOpenRequests() == 1)
                #expect(await open.outcome().failure == .reset)
                #expect(await eventually { linked.reports.last?.state == .drained })
            }
        }
    }
}
