import TestSupport
import Testing

extension MachineTests {
    /// What customers have, as it comes from PyPI, before the real gateway: text, schemas and vectors of a real llama.cpp, calls of tools, reasoning
    /// and probabilities from recorded bytes of vLLM, SGLang, llama.cpp and TGI.
    @Suite struct CustomerClientTests {
        @Test(.timeLimit(.minutes(5)), arguments: CustomerClient.all) func clientIsServed(_ client: CustomerClient) async throws {
            try await RuntimesGateway.with { gateway in
                let found = try await gateway.checks(client.script, environment: client.environment)
                #expect(Set(found.keys) == client.checks)
                for (name, result) in found { #expect(result == "ok", "\(client.script) \(name)") }
            }
        }
    }
}

/// A package of PyPI, and all that its script must have checked: one that is gone has found nothing wrong.
struct CustomerClient: Sendable, CustomTestStringConvertible {
    let script: String
    let environment: String
    let checks: Set<String>

    var testDescription: String { script }

    static let all = [
        CustomerClient(
            script: "openai_checks.py", environment: "clients",
            checks: [
                "text", "several_answers_are_counted", "logprobs", "schema", "embeddings", "models_are_for_what_they_are_for", "chat_tools",
                "chat_reasoning", "response", "response_stream", "response_tools", "response_reasoning", "what_needs_a_store_is_refused",
                "broken_streams_raise", "errors_before_a_token_have_their_status",
            ]),
        CustomerClient(
            script: "anthropic_checks.py", environment: "clients",
            checks: [
                "text", "text_stream", "tools", "cached_tokens_are_not_input_tokens", "thinking", "stop_sequences", "schema",
                "the_beginning_of_an_answer_is_continued_and_not_repeated", "models", "errors", "broken_streams_raise",
            ]),
        CustomerClient(
            script: "langchain_checks.py", environment: "clients",
            checks: ["text", "text_stream", "responses", "schema", "tools", "reasoning", "embeddings", "broken_streams_raise"]),
        CustomerClient(
            script: "litellm_checks.py", environment: "litellm",
            checks: ["text", "tools", "reasoning", "schema", "responses", "embeddings", "errors", "broken_streams_raise"]),
    ]
}
