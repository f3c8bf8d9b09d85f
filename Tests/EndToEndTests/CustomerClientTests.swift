import TestSupport
import Testing

extension MachineTests {
    /// What customers have, as it comes from PyPI, before the real gateway: text, schemas and vectors of a real llama.cpp, calls of tools, reasoning
    /// and probabilities from recorded bytes of vLLM, SGLang, llama.cpp and TGI.
    @Suite struct CustomerClientTests {
        @Test(
            .timeLimit(.minutes(5)),
            arguments: [
                ("openai_checks.py", "clients"), ("anthropic_checks.py", "clients"), ("langchain_checks.py", "clients"),
                ("litellm_checks.py", "litellm"),
            ])
        func clientIsServed(_ script: String, _ environment: String) async throws {
            try await RuntimesGateway.with { gateway in
                let found = try await gateway.checks(script, environment: environment)
                #expect(found.count >= 6)
                for (name, result) in found { #expect(result == "ok", "\(script) \(name)") }
            }
        }
    }
}
