import HTTPWire
import Testing

@testable import Gateway

@Suite("An answer put together from its stream")
struct AnswerAssemblyTests {
    private static func delta(_ choice: Int, _ delta: String) -> [UInt8] {
        Array(#"{"id":"c","created":7,"choices":[{"index":\#(choice),"delta":\#(delta),"finish_reason":null}]}"#.utf8)
    }

    private static func call(_ choice: Int, _ index: Int, id: String? = nil, name: String? = nil, _ arguments: String) -> [UInt8] {
        let names = (id.map { #""id":"\#($0)","type":"function","# } ?? "", name.map { #""name":"\#($0)","# } ?? "")
        return delta(choice, #"{"tool_calls":[{"index":\#(index),\#(names.0)"function":{\#(names.1)"arguments":"\#(arguments)"}}]}"#)
    }

    private static func end(_ choice: Int, _ reason: String) -> [UInt8] {
        Array(#"{"choices":[{"index":\#(choice),"delta":{},"finish_reason":"\#(reason)"}]}"#.utf8)
    }

    private func assembled(_ events: [[UInt8]]) throws -> JSONValue {
        var assembly = AnswerAssembly(isChat: true)
        for event in events {
            let isTaken = assembly.take(event)
            #expect(isTaken)
        }
        return try JSONValue.parse(assembly.json(quotedModel: Array(#""m""#.utf8), usage: Array("{}".utf8)))
    }

    @Test("what grows too long is told from what is no JSON")
    func tooLong() {
        let event = Self.delta(0, #"{"content":"abc"}"#)
        var assembly = AnswerAssembly(isChat: true, mostBytes: 2 * event.count)
        let taken = (0..<3).map { _ in assembly.take(event) }
        #expect(taken == [true, true, false] && assembly.isTooLong)
        var other = AnswerAssembly(isChat: true)
        let isTaken = other.take(Array("{".utf8))
        #expect(!isTaken && !other.isTooLong)
    }

    @Test("two choices of two calls each, in pieces between one another, keep their arguments apart, and their reasoning")
    func interleaved() throws {
        let answer = try assembled([
            Self.delta(0, #"{"role":"assistant","content":null}"#), Self.delta(1, #"{"role":"assistant","content":null}"#),
            Self.delta(1, #"{"reasoning_content":"let "}"#), Self.delta(0, #"{"reasoning_content":"I "}"#),
            Self.delta(1, #"{"reasoning_content":"me"}"#), Self.delta(0, #"{"reasoning_content":"think"}"#),
            Self.call(0, 0, id: "a", name: "look", #"{\"at"#), Self.call(1, 0, id: "x", name: "find", "{"), Self.call(0, 1, id: "b", name: "up", "["),
            Self.call(1, 1, id: "y", name: "all", #"{\"n"#), Self.call(0, 0, #"\":1}"#), Self.call(1, 0, id: "x", "}"), Self.call(0, 1, "2]"),
            Self.call(1, 1, #"\":3}"#), Self.delta(1, #"{"refusal":"no"}"#), Self.end(1, "tool_calls"), Self.end(0, "tool_calls"),
        ])
        let choices = try #require(answer["choices"]?.array)
        #expect(choices.map { $0["index"]?.integer } == [0, 1] && choices.map { $0["finish_reason"]?.string } == ["tool_calls", "tool_calls"])
        let calls = choices.map { choice in
            (choice["message"]?["tool_calls"]?.array ?? []).map { call in
                [call["id"], call["function"]?["name"], call["function"]?["arguments"]].map { $0?.string ?? "" }.joined(separator: " ")
            }
        }
        #expect(calls == [[#"a look {"at":1}"#, "b up [2]"], ["x find {}", #"y all {"n":3}"#]])
        #expect(choices.map { $0["message"]?["reasoning_content"]?.string } == ["I think", "let me"])
        #expect(choices.map { $0["message"]?["refusal"]?.string } == [nil, "no"])
        #expect(choices.allSatisfy { $0["message"]?["content"] == .null && $0["message"]?["role"]?.string == "assistant" })
    }

    @Test("more calls than any answer has are no answer, where they were left out silently before")
    func tooManyCalls() {
        var assembly = AnswerAssembly(isChat: true)
        let taken = (0..<128).map { assembly.take(Self.call(0, $0, id: "c\($0)", name: "f", "{}")) }
        let (known, above) = (assembly.take(Self.call(0, 5, " ")), assembly.take(Self.call(0, 128, id: "c", name: "f", "{}")))
        #expect(taken.allSatisfy { $0 } && known && !above)
    }

    @Test("a name that is told with each piece of a call is told once")
    func names() throws {
        let answer = try assembled([
            Self.call(0, 0, id: "c", name: "look", ""), Self.call(0, 0, id: "c", name: "look", "{"), Self.call(0, 0, id: "c", name: "look", "}"),
            Self.end(0, "tool_calls"),
        ])
        let call = answer["choices"]?.array?.first?["message"]?["tool_calls"]?.array?.first
        #expect(call?["function"] == ["name": "look", "arguments": "{}"])
    }

    @Test("what a runtime says beside the answer is not put into it")
    func others() throws {
        let answer = try assembled([Self.delta(0, #"{"content":"a","node":"host17"}"#), Self.end(0, "stop")])
        #expect(answer["choices"]?.array?.first?["message"] == ["role": "assistant", "content": "a"])
    }
}
