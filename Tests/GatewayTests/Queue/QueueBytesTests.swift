import NIOHTTP2
import PlimsollWire
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// A gateway before one runtime with one slot, and prompts of which four fill the queue by their bytes.
@Suite("Bytes that wait") struct QueueBytesTests {
    private struct Reply: Sendable {
        var status: String
        var retryAfter: String?
    }

    /// Customers that ask in one order, over one connection of HTTP/2 or each over one of HTTP/1.1.
    private final class Customers {
        private let port: Int
        private let shared: HTTP2Client?
        private var own: [TestClient] = []
        private var asked = 0

        init(port: Int, speakHTTP2: Bool) async throws {
            self.port = port
            shared = speakHTTP2 ? try await HTTP2Client(port: port) : nil
        }

        func ask(_ text: String) async throws {
            asked += 1
            let body = #"{"model":"m","messages":[{"role":"user","content":"\#(text)"}]}"#
            if let shared { return shared.post(2 * asked - 1, body) }
            let client = try await TestClient(port: port)
            try await client.post(body)
            own.append(client)
        }

        func replies() async throws -> [Reply] {
            if let shared {
                var replies: [Reply] = []
                for number in 0..<asked {
                    let answer = try await shared.answer(2 * number + 1)
                    replies.append(Reply(status: answer.status ?? "", retryAfter: answer["retry-after"]))
                }
                return replies
            }
            var replies: [Reply] = []
            for client in own { replies.append(Self.reply(try await client.answer())) }
            return replies
        }

        private static func reply(_ text: String) -> Reply {
            let lines = text.split(separator: "\r\n")
            let after = lines.first { $0.hasPrefix("retry-after: ") }.map { String($0.dropFirst(13)) }
            return Reply(status: String(lines[0].split(separator: " ")[1]), retryAfter: after)
        }
    }

    private static let large = String(repeating: "word ", count: 40_000)

    private func setup() -> GatewayFixture.Setup {
        var setup = GatewayFixture.Setup()
        setup.tier.queue = TierQueue(bytes: 4 * 201_000, waitMicroseconds: 60_000_000)
        (setup.tier.maxBodyBytes, setup.tier.maxPromptTokens, setup.tier.tokensPerMinute) = (1 << 20, 1 << 20, 1 << 30)
        setup.edit = { table in
            table.models["m"]?.contextTokens = 0
            table.workers[0].slots = 1
        }
        return setup
    }

    private func untilQueued(_ gateway: GatewayFixture, _ count: Int) async throws {
        try await until { gateway.metric("plimsoll_gateway_queued_requests") == "\(count)" }
    }

    @Test(
        "prompts above the bound are refused at once with a time to come again, others go on, and all bytes are given back", arguments: [false, true])
    func bound(speaksHTTP2: Bool) async throws {
        let moments = [ScriptedMoment(), ScriptedMoment()]
        let runtime = try await ScriptedRuntime { _, request in
            let holder = moments.indices.first { request.contains("holder \($0)") }
            return (holder.map { [moments[$0].step] } ?? []) + [.send(Answers.json(Samples.answer))]
        }
        try await GatewayFixture.run([runtime], setup()) { gateway in
            for (round, moment) in moments.enumerated() {
                let customers = try await Customers(port: gateway.port, speakHTTP2: speaksHTTP2)
                try await customers.ask("holder \(round)")
                try await until { runtime.seen.requests.contains { $0.contains("holder \(round)") } }
                for number in 0..<12 { try await customers.ask("\(number) \(Self.large)") }
                let refused = #"plimsoll_gateway_queue_refused_total{reason="full"} \#(8 * (round + 1))"#
                try await until { gateway.metrics.prometheusText().contains(refused) }
                try await untilQueued(gateway, 4)
                let bytes = try #require(gateway.metric("plimsoll_gateway_queued_bytes").flatMap(Double.init))
                #expect((800_000...804_000).contains(bytes))
                // There is still room for what is small.
                try await customers.ask("small")
                try await untilQueued(gateway, 5)
                moment.come()
                let replies = try await customers.replies()
                #expect(replies.count { $0.status == "200" } == 6)
                let turnedAway = replies.filter { $0.status == "429" }
                // A minute at most, and up to a half more so that not all come back together.
                #expect(turnedAway.count == 8 && turnedAway.allSatisfy { (1...90).contains(Int($0.retryAfter ?? "") ?? 0) })
                #expect(gateway.metric("plimsoll_gateway_queued_requests") == "0" && gateway.metric("plimsoll_gateway_queued_bytes") == "0")
            }
        }
    }

    @Test("who leaves gives its bytes back, too")
    func leavers() async throws {
        let moment = ScriptedMoment()
        let runtime = try await ScriptedRuntime { _, _ in [moment.step, .send(Answers.json(Samples.answer))] }
        try await GatewayFixture.run([runtime], setup()) { gateway in
            let customers = try await Customers(port: gateway.port, speakHTTP2: false)
            try await customers.ask("holder")
            try await until { runtime.seen.requests.count == 1 }
            let leavers = try await HTTP2Client(port: gateway.port)
            let body = #"{"model":"m","messages":[{"role":"user","content":"\#(Self.large)"}]}"#
            for number in 0..<4 { leavers.post(2 * number + 1, body) }
            try await untilQueued(gateway, 4)
            try await leavers.send(1, .rstStream(.cancel))
            try await untilQueued(gateway, 3)
            try await leavers.close()
            try await until { gateway.metric("plimsoll_gateway_queued_bytes") == "0" }
            for number in 0..<4 { try await customers.ask("\(number) \(Self.large)") }
            try await untilQueued(gateway, 4)
            moment.come()
            #expect(try await customers.replies().allSatisfy { $0.status == "200" })
        }
    }
}
