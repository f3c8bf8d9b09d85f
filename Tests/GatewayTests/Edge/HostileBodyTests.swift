import NIOCore
import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

/// Bodies that are made to be dear: each is refused before anything is reserved, recorded or asked of a worker.
@Suite("Hostile bodies")
struct HostileBodyTests {
    private static func chat(_ members: String) -> String { #"{"model":"m","messages":[{"role":"user","content":"hi"}],\#(members)}"# }

    private static func many(_ count: Int, _ element: (Int) -> String) -> String {
        (0..<count).map(element).joined(separator: ",")
    }

    private static let bodies: [(name: String, body: String, code: String, param: String)] = [
        ("100,000 stop strings", chat(#""stop":[\#(many(100_000) { "\"s\($0)\"" })]"#), "invalid_value", #""stop""#),
        ("16,384 answers", chat(#""n":16384"#), "invalid_value", #""n""#),
        ("a billion candidates", chat(#""best_of":1000000000"#), "invalid_value", #""best_of""#),
        ("100,000 keys", chat(#""logit_bias":{\#(many(100_000) { "\"\($0)\":1" })}"#), "invalid_json", #""logit_bias""#),
        ("the same key at the end", chat(#""metadata":{\#(many(9000) { "\"k\($0)\":1" }),"k77":2}"#), "duplicate_key", #""metadata""#),
        ("the same key in disguise", chat(#""\u006d\u006fdel":"other""#), "duplicate_key", #""model""#),
        ("10,000 levels", chat(#""metadata":\#(String(repeating: "[", count: 10_000))"#), "invalid_json", #""metadata""#),
        ("a number beyond all", chat(#""temperature":1e999"#), "invalid_json", #""temperature""#),
        ("a number of a megabyte", chat(#""temperature":\#(String(repeating: "9", count: 1 << 20))"#), "invalid_json", #""temperature""#),
        ("half a surrogate", chat(#""stop":"\ud800""#), "invalid_json", #""stop""#),
    ]

    @Test("is refused with its parameter", arguments: bodies.indices)
    func refused(_ index: Int) async throws {
        let (name, body, code, param) = Self.bodies[index]
        var setup = GatewayFixture.Setup()
        setup.tier.maxBodyBytes = 4 << 20
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(body)
            let answer = try await client.answer()
            #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(name)")
            #expect(answer.contains(#""code":"\#(code)""#) && answer.contains(#""param":\#(param)"#), "\(name): \(answer.suffix(300))")
            #expect(answer.utf8.count < 2000, "nothing of the body comes back")
            // The connection is good for the next request.
            client.clear()
            try await client.post(Samples.request)
            #expect(try await client.answer().hasPrefix("HTTP/1.1 200 "))
        }
        #expect(records.count == 1 && runtime.seen.requests.count == 1)
    }

    @Test("a string is refused a byte above the gateway's bound, in short bodies and in those that are read aside", arguments: [2_000, 300_000])
    func strings(_ longest: Int) async throws {
        var setup = GatewayFixture.Setup()
        setup.tier.maxBodyBytes = 4 << 20
        setup.tier.maxPromptTokens = 1_000_000
        setup.settings.jsonStringBytes = longest
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            for (path, members) in [
                ("/v1/chat/completions", #""messages":"#), ("/v1/messages", #""max_tokens":9,"messages":"#), ("/v1/responses", #""input":"#),
            ] {
                for more in [0, 1] {
                    let client = try await TestClient(port: gateway.port)
                    let text = String(repeating: "word ", count: longest / 5) + String(repeating: "x", count: more)
                    let body = #"{"model":"m",\#(members)[{"role":"user","content":"\#(text)"}]}"#
                    try await client.post(body, path: path)
                    let answer = try await client.answer()
                    #expect(answer.hasPrefix(more == 0 ? "HTTP/1.1 200 " : "HTTP/1.1 400 "), "\(path): \(answer.prefix(600))")
                    #expect(more == 0 || answer.contains(#""code":"invalid_json""#))
                    try await client.close()
                }
            }
        }
        #expect(records.count == 3)
    }

    @Test("a storm of refusals costs no worker, no record and no wait")
    func storm() async throws {
        var setup = GatewayFixture.Setup()
        setup.tier.requestsPerMinute = 1
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        let count = 300
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(Samples.request)
            _ = try await client.answer()
            client.clear()
            let one =
                "POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\ncontent-length: \(Samples.request.utf8.count)\r\n\r\n"
                + Samples.request
            try await client.send(String(repeating: one, count: count))
            let answers = try await client.receive { $0.ranges(of: "HTTP/1.1 429 ").count == count }
            #expect(answers.ranges(of: "\r\nretry-after: ").count == count)
        }
        #expect(records.count == 1 && runtime.seen.requests.count == 1)
    }

    /// Measured as the processor time of the loop's thread: by the clock it would be that of all tests at once. To read one takes 25 ms in a debug build.
    @Test("a storm of large bodies costs the loop a few milliseconds each at the most: what is wrong with them is found elsewhere")
    func largeStorm() async throws {
        var setup = GatewayFixture.Setup()
        setup.tier.maxBodyBytes = 1 << 20
        let count = 40
        // All of it must be read, sign by sign, before it is refused.
        let filling = String(repeating: #"\u0061"#, count: LargeBody.least / 6)
        let body = Self.chat(#""metadata":{"k":"\#(filling)","other":1,"k":2}"#)
        let records = try await GatewayFixture.run([], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            let before = try await gateway.loopTime()
            for _ in 0..<count {
                client.clear()
                try await client.post(body)
                let answer = try await client.answer()
                #expect(answer.hasPrefix("HTTP/1.1 400 ") && answer.contains(#""code":"duplicate_key""#))
            }
            let used = try await gateway.loopTime() - before
            #expect(used < .milliseconds(5 * count), "\(used)")
            #expect(gateway.metric("plimsoll_gateway_bodies_read_aside_total") == "\(count)")
        }
        #expect(records.isEmpty)
    }
}
