import Domain
import Gateway
import NIOCore
import NIOPosix
import PlimsollWire
import TestSupport
import Testing

@Suite struct PoisonTests {
    private static let outOfMemory =
        #"{"error":{"message":"CUDA out of memory. Tried to allocate 2.00 GiB","type":"InternalServerError","code":500}}"#

    /// Row 13 of the failure catalogue: a prompt that kills the runtime, or that it survives without memory, is not carried from host to host.
    @Test(arguments: [
        [ScriptedRuntime.Step.reset], [.send(Answers.json(outOfMemory, status: "500 Internal Server Error"))],
        [.send(Answers.streamHead + Answers.event(outOfMemory) + Answers.streamEnd)],
    ])
    func aRequestThatRuntimesDieOfIsTriedTwice(_ steps: [ScriptedRuntime.Step]) async throws {
        var runtimes: [ScriptedRuntime] = []
        for _ in 0..<4 { runtimes.append(try await ScriptedRuntime { _, _ in steps }) }
        var answer = ""
        var count: String?
        let records = try await GatewayFixture.run(runtimes) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream)
            answer = try await client.answer()
            count = gateway.metric("plimsoll_gateway_poison_requests_total")
        }
        // It is remembered by the id that its customer has, with both runtimes that died of it.
        let (record, told) = (try #require(records.first), try #require(records.first?.account))
        #expect(answer.contains("x-request-id: \(record.requestId)\r\n") && told.fault == "runtime")
        #expect(told.attempts.count == 2 && told.attempts.allSatisfy { $0.result != "answered" })
        #expect(answer.hasPrefix("HTTP/1.1 502 ") && answer.contains(#""code":"runtime_lost""#))
        #expect(answer.contains("\r\nx-should-retry: false\r\n"))
        #expect(runtimes.reduce(0) { $0 + $1.seen.requests.count } == 2)
        #expect(records.map(\.errorCode) == ["runtime_lost"] && records.map(\.attempts) == [2])
        #expect(count == "1")
    }

    /// As after the first minute of any gateway: its requests go over connections that others have used.
    @Test(arguments: [Duration.zero, .milliseconds(60)])
    func runtimesThatDieOverConnectionsThatWereUsedBeforeAreCounted(after time: Duration) async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        var runtimes: [ScriptedRuntime] = []
        for _ in 0..<4 {
            runtimes.append(
                try await ScriptedRuntime { _, request in
                    guard request.contains("poison") else { return [.send(Answers.json(Samples.answer))] }
                    return [.after(loop.scheduleTask(in: TimeAmount(time)) {}.futureResult), .exit]
                })
        }
        let records = try await GatewayFixture.run(runtimes) { gateway in
            let client = try await TestClient(port: gateway.port)
            var asked = 0
            while runtimes.contains(where: { $0.seen.connections == 0 }), asked < 500 {
                asked += 1
                client.clear()
                try await client.post(Self.asking("good \(asked * 7919)"))
                #expect(try await client.answer().hasPrefix("HTTP/1.1 200 "))
            }
            client.clear()
            try await client.post(Self.asking("poison"))
            let answer = try await client.answer()
            #expect(answer.hasPrefix("HTTP/1.1 502 ") && answer.contains("runtime_lost"), "\(answer)")
            #expect(gateway.metric("plimsoll_gateway_poison_requests_total") == "1")
        }
        #expect(records.last?.errorCode == "runtime_lost" && records.last?.attempts == 2)
        #expect(runtimes.count { $0.seen.requests.contains { $0.contains("poison") } } == 2)
    }

    /// It has sent some tokens each time, so that the stream would go on at a third.
    @Test(arguments: [[ScriptedRuntime.Step.reset], [.close], [.send(Answers.event(outOfMemory))]])
    func aStreamThatRuntimesDieOfGoesOnOnce(_ end: [ScriptedRuntime.Step]) async throws {
        func token(_ made: Int) -> String {
            let usage = #""usage":{"prompt_tokens":9,"completion_tokens":\#(made),"total_tokens":\#(9 + made)}"#
            return Answers.event(#"{"model":"m","choices":[{"index":0,"delta":{"content":"a"}}],\#(usage)}"#)
        }
        let steps = [.send(Answers.streamHead + Samples.role + token(1) + token(2))] + end
        var runtimes: [ScriptedRuntime] = []
        for _ in 0..<4 { runtimes.append(try await ScriptedRuntime { _, _ in steps }) }
        var setup = GatewayFixture.Setup()
        setup.tier.continuesStreams = true
        let records = try await GatewayFixture.run(runtimes, setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.stream.replacing(#""stream":true"#, with: #""temperature":0,"stream":true"#))
            let answer = try await client.answer()
            #expect(answer.contains("runtime_lost") && !answer.contains("[DONE]"), "\(answer)")
            // Nothing is told of an answer whose first tokens came in the same read as its error.
            if case .send? = end.first { return }
            #expect(answer.ranges(of: #""content":"a""#).count == 4, "\(answer)")
        }
        #expect(runtimes.reduce(0) { $0 + $1.seen.requests.count } == 2)
        #expect(records.map(\.errorCode) == ["runtime_lost"] && records.map(\.billableCompletionTokens) == [0])
    }

    private static func asking(_ what: String) -> String { Samples.request.replacing(#""hi""#, with: "\"\(what)\"") }

    /// Sixteen workers with one place each: four hold a bystander's request, and are lost in the moment in which the second one of the victim's is.
    @Test func aRequestWhoseHostsAreLostWithManyOthersIsNotToBlame() async throws {
        let (fall, areHeld) = (ScriptedRuntime.promise(), ScriptedRuntime.promise())
        let (victims, bystanders) = (Counter(), Counter())
        var runtimes: [ScriptedRuntime] = []
        for _ in 0..<16 {
            runtimes.append(
                try await ScriptedRuntime { _, request in
                    if request.contains("victim"), case let number = victims.next(), number <= 2 {
                        if number == 2 { fall.succeed() }
                        return [.reset]
                    }
                    if request.contains("bystander"), case let number = bystanders.next(), number <= 4 {
                        if number == 4 { areHeld.succeed() }
                        return [.after(fall.futureResult), .reset]
                    }
                    return [.send(Answers.json(Samples.answer))]
                })
        }
        var setup = GatewayFixture.Setup()
        setup.edit = { table in for place in table.workers.indices { table.workers[place].slots = 1 } }
        let records = try await GatewayFixture.run(runtimes, setup) { gateway in
            var clients: [TestClient] = []
            for _ in 0..<4 {
                clients.append(try await TestClient(port: gateway.port))
                try await clients.last?.post(Self.asking("bystander"))
            }
            try await areHeld.futureResult.get()
            clients.append(try await TestClient(port: gateway.port))
            try await clients.last?.post(Self.asking("victim"))
            for client in clients { #expect(try await client.answer().hasPrefix("HTTP/1.1 200 ")) }
            #expect(gateway.metric("plimsoll_gateway_poison_requests_total") == "0")
        }
        fall.succeed()
        #expect(records.map(\.attempts).sorted() == [2, 2, 2, 2, 3])
    }

    /// Three of one customer in one moment, while another request is answered: what one of them brings down is no sign to the others that a provider is gone.
    @Test func copiesOfARequestThatRuntimesDieOfTakeTwoRuntimesEach() async throws {
        let (first, second) = (ScriptedMoment(), ScriptedMoment())
        defer { for moment in [first, second] { moment.come() } }
        let copies = Counter()
        var runtimes: [ScriptedRuntime] = []
        for _ in 0..<16 {
            runtimes.append(
                try await ScriptedRuntime { _, request in
                    guard request.contains("poison") else { return [.send(Answers.json(Samples.answer))] }
                    let number = copies.next()
                    if number == 3 { first.come() }
                    return number <= 3 ? [first.step, .reset] : number <= 6 ? [second.step, .reset] : [.reset]
                })
        }
        var setup = GatewayFixture.Setup()
        setup.edit = { table in for place in table.workers.indices { table.workers[place].slots = 1 } }
        let records = try await GatewayFixture.run(runtimes, setup) { gateway in
            var clients: [TestClient] = []
            for _ in 0..<3 {
                clients.append(try await TestClient(port: gateway.port))
                try await clients.last?.post(Self.asking("poison"))
            }
            try await until { Self.poisoned(runtimes) == 6 }
            let bystander = try await TestClient(port: gateway.port)
            try await bystander.post(Samples.request)
            #expect(try await bystander.answer().hasPrefix("HTTP/1.1 200 "))
            second.come()
            for client in clients { #expect(try await client.answer().contains("runtime_lost")) }
            #expect(gateway.metric("plimsoll_gateway_poison_requests_total") == "3")
        }
        #expect(Self.poisoned(runtimes) == 6 && records.map(\.attempts).sorted() == [1, 2, 2, 2])
    }

    /// Times that runtimes were asked what they die of.
    private static func poisoned(_ runtimes: [ScriptedRuntime]) -> Int {
        runtimes.reduce(0) { $0 + $1.seen.requests.count { $0.contains("poison") } }
    }

    @Test func requestsThatRuntimesDieOfAreStoppedHoweverManyCome() async throws {
        // Over a connection that was used before, what is reset at once goes once more to the same runtime.
        let good = Answers.json(Samples.answer, status: "200 OK\r\nconnection: close")
        var runtimes: [ScriptedRuntime] = []
        for _ in 0..<40 {
            runtimes.append(try await ScriptedRuntime { _, request in request.contains("poison") ? [.reset] : [.send(good)] })
        }
        let records = try await GatewayFixture.run(runtimes) { gateway in
            let client = try await TestClient(port: gateway.port)
            for _ in 0..<6 {
                client.clear()
                try await client.post(Self.asking("poison"))
                #expect(try await client.answer().contains("runtime_lost"))
                for _ in 0..<2 {
                    client.clear()
                    try await client.post(Samples.request)
                    #expect(try await client.answer().hasPrefix("HTTP/1.1 200 "))
                }
            }
        }
        #expect(records.filter { $0.errorCode == "runtime_lost" }.map(\.attempts) == [2, 2, 2, 2, 2, 2])
        #expect(Self.poisoned(runtimes) == 12)
    }
}
