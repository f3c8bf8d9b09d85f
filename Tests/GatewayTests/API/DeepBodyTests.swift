import HTTPWire
import TestSupport
import Testing

/// The bound on nesting is one on what the customer sent, not on what is made of it.
@Suite("Bodies as deep as may be")
struct DeepBodyTests {
    /// A text whose braces and brackets, with `around` levels before them, are so many levels deep.
    private static func nested(_ depth: Int, around: Int) -> String {
        let inner = depth - around
        return #"{"enum":"# + String(repeating: "[", count: inner - 1) + "1" + String(repeating: "]", count: inner - 1) + "}"
    }

    private static let bodies: [(String, @Sendable (Int) -> String)] = [
        ("/v1/chat/completions", { #"{"model":"m","messages":[{"role":"user","content":"hi"}],"x":\#(nested($0, around: 1))}"# }),
        ("/v1/responses", { #"{"model":"m","input":"hi","tools":[{"type":"function","name":"f","parameters":\#(nested($0, around: 3))}]}"# }),
        (
            "/v1/responses",
            { #"{"model":"m","input":"hi","text":{"format":{"type":"json_schema","name":"s","schema":\#(nested($0, around: 3))}}}"# }
        ),
        (
            "/v1/messages",
            {
                #"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"tools":[{"name":"f","input_schema":\#(nested($0, around: 3))}]}"#
            }
        ),
    ]

    @Test("64 levels are taken, 65 are refused, in each API", arguments: bodies.indices) func depth(_ index: Int) async throws {
        let (path, body) = Self.bodies[index]
        let deepest = try await APICall.make(path, body(64), reply: Answers.json(Samples.answer))
        #expect(deepest.status == "200" && deepest.sent.contains("[[["), "\(deepest.answer)")
        let deeper = try await APICall.make(path, body(65), reply: Answers.json(Samples.answer))
        #expect(deeper.status == "400" && deeper.sent.isEmpty && deeper.body.contains("nested too deeply"), "\(deeper.answer)")
    }
}
