import PlimsollWire
import Testing

@testable import Agent

@Suite("Commands of runtimes")
struct RuntimeCommandTests {
    private func faults(_ arguments: String, _ dialect: RuntimeDialect, environment: [String: String] = [:]) -> [String] {
        RuntimeCommand(["/opt/server"] + arguments.split(separator: " ").map(String.init), dialect: dialect).faults(environment: environment)
    }

    @Test(
        "vLLM is started only where its command says that nobody else can reach it",
        arguments: [
            "serve m", "serve m --port 8000", "serve m --host 0.0.0.0", "serve m --host=::", "serve m --host", "serve m --uds",
            "serve m --uds relative.sock", "serve m --uds /r.sock --hos 0.0.0.0", "serve m --uds /r.sock --ho=0.0.0.0", "serve m --host /r.sock",
            "serve m --uds /r.sock --config /c.yaml", "serve m --uds /r.sock --conf=/c.yaml", "serve m --uds /r.sock --api_server_count 2",
            "serve m --host 127.0.0.1 --host 10.0.0.1",
        ])
    func refusesVLLM(arguments: String) {
        #expect(!faults(arguments, .vllm).isEmpty)
    }

    @Test("an image is known where a command names it by its digest, and only one")
    func imageDigest() {
        let digest = "sha256:" + String(repeating: "0a", count: 32)
        func known(_ words: String...) -> String? { RuntimeCommand(["/usr/bin/podman", "run"] + words, dialect: .vllm).imageDigest }
        #expect(known("--rm", "registry.example/vllm@\(digest)", "serve", "m") == digest)
        #expect(known("registry.example/vllm:v0.9@\(digest)") == digest)
        #expect(known("registry.example/vllm:v0.9") == nil && known("@\(digest)") == nil && known("vllm@sha256:0a") == nil)
        #expect(known("a@\(digest)", "b@\(digest.replacing("0a", with: "0b"))") == nil)
    }

    @Test(
        "vLLM on a socket or loopback passes",
        arguments: [
            "serve m --uds /run/r.sock", "serve m --uds=/run/r.sock", "serve m --host 127.0.0.1 --port 8000", "serve m --host=localhost",
            "--dialect vllm --socket /run/r.sock", "serve m --uds /r.sock --api-server-count 1 --hf-config-path /x --config-format auto",
        ])
    func takesVLLM(arguments: String) {
        #expect(faults(arguments, .vllm) == [])
    }

    @Test("llama.cpp is held to the same", arguments: ["--model m", "--host 0.0.0.0", "--host ::", "--host /run/r", "--port 80"])
    func refusesLlama(arguments: String) {
        #expect(!faults(arguments, .llamacpp).isEmpty)
        #expect(faults("--host /run/r.sock", .llamacpp) == [])
        #expect(faults("--host 127.0.0.1", .llamacpp) == [])
    }

    @Test("its environment may not move it elsewhere, and its program has an absolute path")
    func refusesEnvironment() {
        #expect(faults("--host 127.0.0.1", .llamacpp, environment: ["LLAMA_ARG_HOST": "0.0.0.0"]).count == 1)
        #expect(faults("--uds /r.sock", .vllm, environment: ["VLLM_HOST": "0.0.0.0"]).count == 1)
        #expect(RuntimeCommand(["server", "--host", "::1"], dialect: .llamacpp).faults(environment: [:]).count == 1)
        #expect(RuntimeCommand([], dialect: .vllm).faults(environment: [:]).isEmpty)
    }

    @Test("a queue without a bound is worth a warning")
    func warns() {
        #expect(RuntimeCommand(["/v", "--uds", "/r.sock"], dialect: .vllm).warnings.count == 1)
        #expect(RuntimeCommand(["/v", "--uds", "/r.sock", "--max-num-queued-reqs", "9"], dialect: .vllm).warnings.isEmpty)
        #expect(RuntimeCommand([], dialect: .vllm).warnings.isEmpty)
    }
}
