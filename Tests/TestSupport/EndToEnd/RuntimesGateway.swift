import Foundation

/// The real gateway alone, before real runtimes and a simulated one: models `text`, `vectors` and `recorded`.
package final class RuntimesGateway: Sendable {
    package let url: String
    package let key = "sk-end-to-end"
    package let state: String
    private let children: [ChildProcess]

    /// Lends a gateway for the length of a test.
    package static func with(_ body: (RuntimesGateway) async throws -> Void) async throws {
        let state = "/tmp/plimsoll-e2e-" + UUID().uuidString.prefix(8).lowercased()
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        var children: [ChildProcess] = []
        let result: Result<Void, any Error>
        do {
            let gateway = try await start(state, &children)
            result = .success(try await body(gateway))
        } catch {
            result = .failure(error)
        }
        for child in children.reversed() { await child.stop() }
        try FileManager.default.removeItem(atPath: state)
        try result.get()
    }

    private init(url: String, state: String, children: [ChildProcess]) {
        self.url = url
        self.state = state
        self.children = children
    }

    private static func start(_ state: String, _ children: inout [ChildProcess]) async throws -> RuntimesGateway {
        let worker = [Checkout.root + "/Deploy/runtimes/llama_worker.py", "--model", Checkout.tinyModel, "--ctx", "8192", "--parallel", "4"]
        children = [
            try ChildProcess(Checkout.python("llama"), worker + ["--alias", "served-text"], errors: state + "/text.log"),
            try ChildProcess(Checkout.python("llama"), worker + ["--alias", "served-vectors", "--embeddings"], errors: state + "/vectors.log"),
            try ChildProcess(
                Checkout.program("plimsoll-simulated-runtime"), ["--model", "recorded", "--first-token-ms", "1", "--token-gap-ms", "1"],
                errors: state + "/recorded.log"),
        ]
        var urls: [String] = []
        for child in children { urls.append(try await address(child)) }
        let port = try FreePorts.base()
        try settings(state, port, urls).write(toFile: state + "/gateway.json", atomically: true, encoding: .utf8)
        children.append(
            try ChildProcess(
                Checkout.program("plimsoll-gateway"), ["serve", "--standalone", state + "/gateway.json"], errors: state + "/gateway.log"))
        let gateway = RuntimesGateway(url: "http://127.0.0.1:\(port)", state: state, children: children)
        try await Waiting.until("a gateway that answers", within: .seconds(30)) {
            try await HTTPCall.send("GET", gateway.url + "/v1/models", headers: ["x-api-key": gateway.key]).status == 200
        }
        return gateway
    }

    private static func address(_ runtime: ChildProcess) async throws -> String {
        try await runtime.wait("a runtime that is ready", within: .seconds(60)) { $0.contains { $0.hasPrefix("READY ") } }
        return runtime.lines.first { $0.hasPrefix("READY ") }?.split(separator: " ").dropFirst().first.map(String.init) ?? ""
    }

    private static func settings(_ state: String, _ port: Int, _ urls: [String]) -> String {
        func model(_ name: String, _ url: String, _ more: String) -> String {
            #"{"name":"\#(name)","context_tokens":4096,\#(more),"upstreams":[{"url":"\#(url)","slots":4,"served_model":"served-\#(name)""#
        }
        return """
            {
              "listen": "127.0.0.1:\(port)", "operations": { "listen": "unix:\(state)/operations.sock" }, "state_dir": "\(state)/gateway",
              "tiers": [ { "name": "pro", "max_prompt_tokens": 4000, "max_output_tokens": 512, "max_body_bytes": 4194304,
                "requests_per_minute": 100000, "tokens_per_minute": 100000000, "concurrent_requests": 100 } ],
              "keys": [ { "name": "first", "tier": "pro", "key": "sk-end-to-end" } ],
              "models": [
                \(model("text", urls[0], #""kind":"generation""#)),"dialect":"llamacpp"}]},
                \(model("vectors", urls[1], #""kind":"embedding""#)),"dialect":"llamacpp"}]},
                {"name":"recorded","context_tokens":4096,"upstreams":[{"url":"\(urls[2])","slots":4}]}
              ]
            }
            """
    }

    /// Runs a script of checks; gives what each of them found: `ok`, or what was wrong.
    package func checks(_ script: String, environment python: String) async throws -> [String: String] {
        let errors = state + "/\(script).log"
        let child = try ChildProcess(
            Checkout.python(python), [Checkout.script(script), url, key],
            environment: ["LITELLM_LOCAL_MODEL_COST_MAP": "True", "LANGSMITH_TRACING": "false"], errors: errors)
        let status = try await child.ended(within: .seconds(120))
        guard status == 0, let line = child.lines.last else {
            throw Waiting.Timeout(description: (try? String(contentsOfFile: errors, encoding: .utf8)) ?? "no errors were written")
        }
        return try JSONDecoder().decode([String: String].self, from: Data(line.utf8))
    }
}
