import HTTPWire
import TestSupport
import Testing

/// Who names a tier of service is told which one it got, as OpenAI's API does; who names none is told nothing.
@Suite struct ServiceTierTests {
    private func body(_ more: String) -> String { #"{"model":"m",\#(more)"messages":[{"role":"user","content":"hi"}]}"# }

    private static let own = Samples.answer.replacing(#""model":"m","#, with: #""service_tier":null,"model":"m","#)

    @Test(arguments: [
        (#""service_tier":"auto","#, "default"), (#""service_tier":"priority","#, "default"), (#""service_tier":"flex","#, "flex"),
        (#""service_tier":"batch","#, "flex"), (#""service_tier":null,"#, nil), ("", nil),
    ])
    func anAnswerTellsIt(member: String, tier: String?) async throws {
        for reply in [Samples.answer, Self.own, #"{"service_tier":null,"# + Samples.answer.dropFirst()] {
            let answer = try await APICall.make("/v1/chat/completions", body(member), reply: Answers.json(reply)).json()
            #expect(answer["service_tier"]?.string == tier && answer["choices"]?.array?.count == 1)
            #expect(answer["usage"]?["completion_tokens"]?.integer == 3)
        }
    }

    @Test func everyEventOfAStreamTellsIt() async throws {
        let call = try await APICall.make(
            "/v1/chat/completions", body(#""service_tier":"flex","stream":true,"stream_options":{"include_usage":true},"#), reply: Samples.wholeStream
        )
        let lines = call.answer.replacing("\r\n", with: "\n").split(separator: "\n").filter { $0.hasPrefix("data: {") }
        let events = try lines.map { try JSONValue.parse(Array($0.dropFirst(6).utf8)) }
        #expect(events.count == 5 && events.allSatisfy { $0["service_tier"]?.string == "flex" })
        #expect(events.compactMap { $0["choices"]?.array?.first?["delta"]?["content"]?.string }.joined() == "ab")
        let silent = try await APICall.make("/v1/chat/completions", body(#""stream":true,"#), reply: Samples.wholeStream)
        #expect(!silent.answer.contains("service_tier"))
    }

    @Test func aResponseAlwaysHasIt() async throws {
        for (member, tier) in [(#""service_tier":"flex","#, "flex"), ("", "default")] {
            let call = try await APICall.make("/v1/responses", #"{"model":"m",\#(member)"input":"hi"}"#, reply: Answers.json(Samples.answer))
            #expect(try call.json()["service_tier"]?.string == tier)
        }
    }

    @Test(arguments: [(#""service_tier":"batch","#, "batch"), (#""service_tier":"auto","#, "standard"), ("", "standard")])
    func aMessageAlwaysHasItInItsUsage(_ member: String, _ tier: String) async throws {
        let body = #"{"model":"m","max_tokens":9,\#(member)"messages":[{"role":"user","content":"hi"}]"#
        let whole = try await APICall.make("/v1/messages", body + "}", reply: Answers.json(Samples.answer))
        #expect(try whole.json()["usage"]?["service_tier"]?.string == tier)
        let stream = try await APICall.make("/v1/messages", body + #","stream":true}"#, reply: Samples.wholeStream)
        #expect(stream.events.last == "message_stop" && stream.body.contains(#""output_tokens":0,"service_tier":"\#(tier)"}"#))
    }
}
