import Domain
import NIOCore
import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

@Suite struct AdmissionTests {
    private func ask(_ setup: GatewayFixture.Setup, _ text: String = Self.request()) async throws -> (answer: String, seen: [String]) {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        var answer = ""
        try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.send(text)
            answer = try await client.answer()
        }
        return (answer, runtime.seen.requests)
    }

    private static func request(prompt: String = "hi") -> String {
        let body = Samples.request.replacing(#""hi""#, with: "\"\(prompt)\"")
        return "POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    @Test func withoutATableNoKeyIsCalledWrong() async throws {
        var setup = GatewayFixture.Setup()
        setup.appliesTable = false
        let (answer, _) = try await ask(setup)
        #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains("service_unavailable") && answer.contains("\r\nretry-after: 1\r\n"))
    }

    @Test func aTableThatIsTooOldForTheTierIsNotTrusted() async throws {
        var setup = GatewayFixture.Setup()
        setup.tier.maxTableAgeSeconds = -1
        setup.contact = ControlContact()
        let (answer, seen) = try await ask(setup)
        #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains("service_unavailable"))
        #expect(seen.isEmpty)
    }

    /// Row 46 of the failure catalogue: cut off from the control plane, or without room on the disk.
    @Test(arguments: [(true, 667...1_000), (false, 5_000...7_500)])
    func whoAreRefusedTogetherAreToldOfDifferentTimes(isCutOff: Bool, times: ClosedRange<Int>) async throws {
        var setup = GatewayFixture.Setup()
        if isCutOff {
            setup.tier.maxTableAgeSeconds = -1
            setup.contact = ControlContact()
        } else {
            setup.unsyncedBytes = 0
        }
        let runtime = try await ScriptedRuntime { _, _ in [] }
        var waits: Set<Int> = []
        try await GatewayFixture.run([runtime], setup) { gateway in
            for _ in 0..<8 {
                let client = try await TestClient(port: gateway.port)
                try await client.send(Self.request())
                let line = try await client.answer().split(separator: "\r\n").first { $0.hasPrefix("retry-after-ms: ") }
                waits.insert(try #require(line.flatMap { Int($0.dropFirst(16)) }))
            }
        }
        #expect(waits.count > 1 && waits.allSatisfy { times.contains($0) })
    }

    /// What a gateway cannot hear of is bounded by the age of its table.
    @Test func aKeyThatIsRevokedBehindAPartitionIsServedForATiersTableAgeAtMost() async throws {
        var setup = GatewayFixture.Setup()
        setup.tier.maxTableAgeSeconds = 60
        let contact = ControlContact()
        setup.contact = contact
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime], setup) { gateway in
            func status() async throws -> String {
                let client = try await TestClient(port: gateway.port)
                try await client.post(Samples.request)
                return try await String(client.answer().dropFirst("HTTP/1.1 ".count).prefix(3))
            }
            contact.note(at: .now() - .seconds(20))
            let served = try await status()
            #expect(served == "200")
            contact.note(at: .now() - .seconds(61))
            let refused = try await status()
            #expect(refused == "503")
            var table = GatewayFixture.table([runtime], setup)
            table.keys = table.keys.filter { $0.value.id != "key-1" }
            table.version += 1
            gateway.server.apply(table)
            contact.note()
            let revoked = try await status()
            #expect(revoked == "401")
        }
    }

    @Test func aTableWithoutWorkersKnowsItsKeys() async throws {
        var setup = GatewayFixture.Setup()
        setup.edit = { $0.workers = [] }
        let (answer, _) = try await ask(setup)
        #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains("no_worker_available"))
    }

    // 800 bytes are 200 tokens by the estimate, and 25 at the least.
    @Test(arguments: [(20, true), (100, false), (1000, false), (0, false)])
    func aPromptThatNoWorkerCouldEverTakeIsTheClientsFault(_ context: Int, _ isRefused: Bool) async throws {
        var setup = GatewayFixture.Setup()
        setup.edit = { $0.workers[0].contextTokens = context }
        let (answer, seen) = try await ask(setup, Self.request(prompt: String(repeating: "x", count: 800)))
        #expect(answer.hasPrefix(isRefused ? "HTTP/1.1 400 " : "HTTP/1.1 200 "))
        #expect(answer.contains(#""param":"messages","code":"context_length_exceeded""#) == isRefused)
        #expect(seen.isEmpty == isRefused)
    }

    @Test func aRequestWithoutACapFitsTheTokensOfAMinute() async throws {
        var setup = GatewayFixture.Setup()
        setup.tier.tokensPerMinute = 60
        let (answer, seen) = try await ask(setup)
        #expect(answer.hasPrefix("HTTP/1.1 200 "))
        // Less the prompt's.
        #expect(try #require(seen.first).contains(#""max_tokens":51,"#))
    }

    @Test(arguments: [("HEAD /v1/models", 200), ("HEAD /v1/models/m", 200), ("HEAD /v1/unknown", 404)])
    func headIsAnsweredWithoutABodyAndTheConnectionStaysGood(_ line: String, _ status: Int) async throws {
        let head = "\(line) HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\n\r\n"
        let runtime = try await ScriptedRuntime { _, _ in [] }
        try await GatewayFixture.run([runtime]) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.send(head + "GET /v1/models/m HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\n\r\n")
            let answers = try await client.receive { $0.contains(#""object":"model""#) }
            #expect(answers.hasPrefix("HTTP/1.1 \(status) "))
            #expect(answers.contains("\r\n\r\nHTTP/1.1 200 OK\r\n"))
        }
    }

    @Test func anAdmissionThatTheDiskRefusesCountsAgainstTheService() async throws {
        var setup = GatewayFixture.Setup()
        setup.unsyncedBytes = 0
        setup.tier.tokensPerDay = 1_000
        let runtime = try await ScriptedRuntime { _, _ in [] }
        try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.request)
            #expect(try await client.answer().contains("metering_unavailable"))
            let asking = try await TestClient(port: gateway.port)
            try await asking.send("GET /v1/usage HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\nconnection: close\r\n\r\n")
            let usage = try await asking.answer()
            #expect(usage.contains(#""tokens":{"limit":1000,"used":0,"left":1000}"#), "\(usage)")
            #expect(usage.contains(#""used":0,"left":100}}"#), "\(usage)")
            #expect(try await gateway.spool.takeMinutes().values.map { $0.outcomes[Outcome.serverError.place] } == [1])
        }
    }

    /// What the plan does not allow, and what no worker of the model could take.
    @Test(arguments: [(5_000, 0, "prompt_too_long"), (800, 20, "context_length_exceeded")])
    func aPromptOverALimitIsLeftOutOfTheMinuteAsSuch(_ bytes: Int, _ context: Int, _ code: String) async throws {
        var setup = GatewayFixture.Setup()
        setup.edit = { $0.workers[0].contextTokens = context }
        let runtime = try await ScriptedRuntime { _, _ in [] }
        try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.send(Self.request(prompt: String(repeating: "x", count: bytes)))
            #expect(try await client.answer().contains(code))
            let cells = try await gateway.spool.takeMinutes()
            #expect(cells.map(\.key.subject.model) == ["m"] && cells.values.map { $0.outcomes[Outcome.overLimit.place] } == [1])
        }
    }

    @Test func pathsAreExact() async throws {
        let (answer, _) = try await ask(GatewayFixture.Setup(), Self.request().replacing("/v1/chat", with: "/V1/Chat"))
        #expect(answer.hasPrefix("HTTP/1.1 404 "))
    }
}
