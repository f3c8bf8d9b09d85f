import Cryptography
import Gateway
import NIOCore
import PlimsollWire
import Synchronization
import TestSupport
import Testing

/// What workers see of second tries when all fail, and what customers see when some do. Each request is another tenant's, so that no tenant's own budget helps.
@Suite("Amplification")
struct AmplificationTests {
    private static let asked = 120

    /// How every worker fails.
    enum Failure: CaseIterable {
        case refused, reset, closed, error, garbage, hangs, breaks, breaksWhole

        var steps: [ScriptedRuntime.Step] {
            switch self {
            case .refused, .reset: [.reset]
            case .closed: [.close]
            case .error: [.send(Answers.json("{}", status: "500 Oops"))]
            case .garbage: [.send("garbage\r\n\r\n")]
            case .hangs: []
            case .breaks: [.send(Answers.streamHead + Samples.role + Self.counted(1) + Self.counted(2)), .reset]
            case .breaksWhole: [.send("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{"), .reset]
            }
        }

        private static func counted(_ made: Int) -> String {
            let usage = #""usage":{"prompt_tokens":9,"completion_tokens":\#(made),"total_tokens":\#(9 + made)}"#
            return Answers.event(#"{"model":"m","choices":[{"index":0,"delta":{"content":"a"}}],\#(usage)}"#)
        }

        var body: String {
            guard self != .breaksWhole else { return Samples.request }
            return #"{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":0,"stream":true}"#
        }
    }

    /// - Parameter lost: So many workers are at one provider.
    private func setup(isRefused: Bool = false, firstTokenTime: Int = 60, lost: Int = 0) -> GatewayFixture.Setup {
        var setup = GatewayFixture.Setup()
        setup.tier.continuesStreams = true
        setup.settings.firstTokenTime = firstTokenTime
        setup.loops = 2
        setup.edit = { table in
            for number in 0..<Self.asked {
                let (tenant, hash) = ("t-\(number)", Hash.sha256("sk-\(number)").hex)
                table.tenants[tenant] = TenantEntry(id: tenant, tier: "pro", active: true, allowedRegions: [], cacheSalt: "5a17")
                table.keys[hash] = KeyEntry(id: "k-\(number)", tenant: tenant, sha256Hex: hash, expiresAtSeconds: nil, models: nil)
            }
            for index in table.workers.indices {
                table.workers[index].slots = Self.asked
                if index < lost { table.workers[index].provider = "lost" }
                if isRefused { table.workers[index].url = "http://127.0.0.1:1" }
            }
        }
        return setup
    }

    private func runtimes(_ count: Int, _ script: @escaping @Sendable (_ runtime: Int) -> [ScriptedRuntime.Step]) async throws -> [ScriptedRuntime] {
        var all: [ScriptedRuntime] = []
        for index in 0..<count { all.append(try await ScriptedRuntime { _, _ in script(index) }) }
        return all
    }

    /// All are asked before the first answer is awaited.
    ///
    /// - Parameter key: Nil: each has one of a tenant of its own.
    private func askAtOnce(_ gateway: GatewayFixture, _ body: String, key: String? = nil) async throws -> [String] {
        var clients: [TestClient] = []
        for _ in 0..<Self.asked { clients.append(try await TestClient(port: gateway.port)) }
        for (number, client) in clients.enumerated() { try await client.post(body, key: key ?? "sk-\(number)") }
        var answers: [String] = []
        for client in clients {
            answers.append(try await client.answer())
            try await client.close()
        }
        return answers
    }

    @Test("when all forty workers fail with everything under way, they see a tenth more than came and a few", arguments: Failure.allCases)
    func burst(_ failure: Failure) async throws {
        let arrivals = Arrivals(Self.asked)
        let runtimes = try await runtimes(40) { _ in
            arrivals.count()
            return failure == .hangs ? [] : [.after(arrivals.all.futureResult)] + failure.steps
        }
        let setup = setup(isRefused: failure == .refused, firstTokenTime: failure == .hangs ? 2 : 60)
        let records = try await GatewayFixture.run(runtimes, setup) { gateway in
            for answer in try await askAtOnce(gateway, failure.body) { #expect(!answer.contains("[DONE]") && answer.contains("error")) }
        }
        arrivals.all.succeed()
        let attempts = records.map(\.attempts).reduce(0, +)
        #expect(records.count == Self.asked && attempts <= Self.asked * 11 / 10 + 3, "\(attempts) of \(Self.asked)")
        guard failure != .refused else { return }
        // Ejected workers are asked by the gateway itself, too.
        let seen = runtimes.map { runtime in runtime.seen.requests.count { !$0.contains("Hello") } }
        #expect(seen.reduce(0, +) == attempts)
    }

    @Test("one after the other too", arguments: Failure.allCases.filter { $0 != .hangs })
    func sequence(_ failure: Failure) async throws {
        let runtimes = try await runtimes(40) { _ in failure.steps }
        let records = try await GatewayFixture.run(runtimes, setup(isRefused: failure == .refused)) { gateway in
            let client = try await TestClient(port: gateway.port)
            for number in 0..<Self.asked {
                client.clear()
                try await client.post(failure.body, key: "sk-\(number)")
                #expect(try await client.answer().contains("error"))
            }
        }
        let attempts = records.map(\.attempts).reduce(0, +)
        #expect(attempts <= Self.asked * 11 / 10 + 3, "\(attempts) of \(Self.asked)")
    }

    @Test("workers that fail and work by turns, all at once, see a tenth more than came, and a few for each turn")
    func flapping() async throws {
        let number = Atomic<Int>(0)
        let runtimes = try await runtimes(40) { _ in
            let isUp = number.wrappingAdd(1, ordering: .relaxed).oldValue / 30 % 2 == 0
            return isUp ? [.send(Answers.json(Samples.answer))] : [.reset]
        }
        let records = try await GatewayFixture.run(runtimes, setup()) { gateway in
            let client = try await TestClient(port: gateway.port)
            for number in 0..<Self.asked {
                client.clear()
                try await client.post(Samples.request, key: "sk-\(number)")
                _ = try await client.answer()
            }
        }
        let attempts = records.map(\.attempts).reduce(0, +)
        #expect(attempts <= Self.asked * 11 / 10 + 3 * 3, "\(attempts) of \(Self.asked)")
    }

    /// Hosts of which all under way is lost in one moment, of how many.
    private static let losses = [(1, 3), (1, 2), (12, 40)]

    @Test("hosts of a provider with a third or half of all that is under way are lost in one moment, and no customer sees it", arguments: losses)
    func partialLoss(_ lost: Int, of count: Int) async throws {
        let arrivals = Arrivals(Self.asked)
        let runtimes = try await runtimes(count) { runtime in
            arrivals.count()
            return [.after(arrivals.all.futureResult), runtime < lost ? .reset : .send(Samples.wholeStream)]
        }
        let records = try await GatewayFixture.run(runtimes, setup(lost: lost)) { gateway in
            for answer in try await askAtOnce(gateway, Samples.stream) {
                #expect(answer.contains("[DONE]") && !answer.contains("error"), "\(answer)")
            }
        }
        #expect(records.map(\.outcome).allSatisfy { $0 == "good" })
        #expect(records.contains { $0.attempts == 2 })
    }

    /// All of one tenant, whose own budget pays for a tenth of its requests.
    @Test("a third that fails at once with errors, of more than its tenant's budget pays for, is answered by the others, and no customer hears of it")
    func unpaid() async throws {
        let arrivals = Arrivals(Self.asked)
        let runtimes = try await runtimes(3) { runtime in
            arrivals.count()
            return [.after(arrivals.all.futureResult)] + (runtime == 0 ? Failure.error.steps : [.send(Answers.json(Samples.answer))])
        }
        var setup = setup(firstTokenTime: 1)
        setup.tier.concurrentRequests = 2 * Self.asked
        let records = try await GatewayFixture.run(runtimes, setup) { gateway in
            for answer in try await askAtOnce(gateway, Samples.request, key: "sk-test") {
                #expect(answer.hasPrefix("HTTP/1.1 200 "), "\(answer)")
            }
        }
        let attempts = records.map(\.attempts).reduce(0, +)
        #expect(records.count == Self.asked && attempts <= Self.asked * 3 / 2, "\(attempts) of \(Self.asked)")
        #expect(records.allSatisfy { $0.outcome == "good" } && records.contains { $0.attempts == 2 })
    }

    @Test("a host that falls silent with a third of all that is under way, while others answer, is seen by no customer")
    func silentHost() async throws {
        let runtimes = try await runtimes(3) { $0 == 0 ? [] : [.send(Samples.wholeStream)] }
        let records = try await GatewayFixture.run(runtimes, setup(firstTokenTime: 2)) { gateway in
            for answer in try await askAtOnce(gateway, Samples.stream) {
                #expect(answer.contains("[DONE]") && !answer.contains("error"), "\(answer)")
            }
        }
        #expect(records.map(\.outcome).allSatisfy { $0 == "good" })
    }
}

/// Tells when so many requests have come to runtimes.
private final class Arrivals: Sendable {
    let all = ScriptedRuntime.promise()
    private let left: Atomic<Int>

    init(_ count: Int) { left = Atomic(count) }

    func count() {
        if left.wrappingSubtract(1, ordering: .relaxed).newValue == 0 { all.succeed() }
    }
}
