import Foundation

/// The real gateway alone, on free ports and in a folder of its own, before one simulated runtime.
package final class StandaloneGateway: Sendable {
    package static let key = "sk-standalone-test"
    package static let model = "tiny"

    package let port: Int
    package let operationsPort: Int
    package let folder: String
    /// Where the records are.
    package var spool: String { folder + "/state/spool" }
    package let process: ChildProcess

    package var log: String { String(decoding: FileManager.default.contents(atPath: folder + "/gateway.log") ?? Data(), as: UTF8.self) }

    /// - Parameters:
    ///   - wrapper: A command that starts the gateway, such as one that lowers its limits.
    ///   - environment: Of the gateway; asked when its folder is there.
    ///   - settings: Added to the file's.
    ///   - hasTLS: With the certificate in `chain.pem` and `key.pem` of the folder.
    package static func with(
        wrapper: [String] = [], environment: @Sendable (_ folder: String) throws -> [String: String] = { _ in [:] }, hasTLS: Bool = false,
        settings: [String: any Sendable] = [:], runtime: [String] = [], _ body: (StandaloneGateway) async throws -> Void
    ) async throws {
        let folder = "/tmp/plimsoll-edge-" + UUID().uuidString.prefix(8).lowercased()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let worker = try ChildProcess(
            Checkout.program("plimsoll-simulated-runtime"),
            ["--model", model, "--slots", "512", "--kv-tokens", "2000000000", "--first-token-ms", "2", "--token-gap-ms", "1"] + runtime)
        do {
            if hasTLS { try await makeCertificate(in: folder, name: "first") }
            let gateway = try await start(
                in: folder, wrapper: wrapper, environment: try environment(folder), hasTLS: hasTLS, settings: settings, worker: worker)
            do {
                try await body(gateway)
            } catch {
                // The log is the only witness of what went wrong.
                print(gateway.log.split(separator: "\n").suffix(20).joined(separator: "\n"))
                await gateway.process.stop(grace: .zero)
                throw error
            }
            await gateway.process.stop()
            await worker.stop()
            try FileManager.default.removeItem(atPath: folder)
        } catch {
            await worker.stop(grace: .zero)
            try? FileManager.default.removeItem(atPath: folder)
            throw error
        }
    }

    /// A new key and a certificate for it, in place of those that are there.
    package static func makeCertificate(in folder: String, name: String) async throws {
        try await ToolRun.run([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=\(name)",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", folder + "/key.new", "-out", folder + "/chain.new",
        ])
        for file in ["key", "chain"] {
            guard rename("\(folder)/\(file).new", "\(folder)/\(file).pem") == 0 else {
                throw Waiting.Timeout(description: "\(file).pem could not be replaced")
            }
        }
    }

    private init(port: Int, operationsPort: Int, folder: String, process: ChildProcess) {
        self.port = port
        self.operationsPort = operationsPort
        self.folder = folder
        self.process = process
    }

    private static func start(
        in folder: String, wrapper: [String], environment: [String: String], hasTLS: Bool, settings: [String: any Sendable], worker: ChildProcess
    ) async throws -> StandaloneGateway {
        try await worker.wait("the runtime", within: .seconds(20)) { $0.contains { $0.hasPrefix("READY ") } }
        let url = worker.lines.first { $0.hasPrefix("READY ") }?.split(separator: " ").dropFirst().first.map(String.init) ?? ""
        var file = Self.settings(folder, url).merging(settings) { $1 }
        if hasTLS { file["tls"] = ["certificate_file": folder + "/chain.pem", "key_file": folder + "/key.pem"] }
        try JSONSerialization.data(withJSONObject: file).write(to: URL(fileURLWithPath: folder + "/gateway.json"))
        let command = wrapper + [Checkout.program("plimsoll-gateway"), "serve", "--standalone", folder + "/gateway.json"]
        let process = try ChildProcess(command[0], Array(command.dropFirst()), environment: environment, errors: folder + "/gateway.log")
        var ports: [Int] = []
        do {
            try await Waiting.until("the gateway", within: .seconds(30)) {
                ports = ["operations server listens", "customers' endpoint listens"].compactMap { listened(folder, $0) }
                return ports.count == 2 || !process.isRunning
            }
        } catch {
            await process.stop(grace: .zero)
            throw error
        }
        guard ports.count == 2 else {
            let log = FileManager.default.contents(atPath: folder + "/gateway.log") ?? Data()
            throw Waiting.Timeout(description: "the gateway ended: " + String(decoding: log, as: UTF8.self))
        }
        return StandaloneGateway(port: ports[1], operationsPort: ports[0], folder: folder, process: process)
    }

    /// From the line in its log.
    private static func listened(_ folder: String, _ message: String) -> Int? {
        let log = String(decoding: FileManager.default.contents(atPath: folder + "/gateway.log") ?? Data(), as: UTF8.self)
        guard let line = log.split(separator: "\n").first(where: { $0.contains(message) }) else { return nil }
        let address = line.components(separatedBy: #""listen.address":""#).last?.split(separator: "\"").first
        return address?.split(separator: ":").last.flatMap { Int($0) }
    }

    /// The one tier of the file.
    package static func tier(requestsPerMinute: Int = 100_000_000) -> [String: any Sendable] {
        [
            "name": "pro", "max_prompt_tokens": 2_000_000, "max_output_tokens": 4000, "max_body_bytes": "8MiB",
            "requests_per_minute": requestsPerMinute, "tokens_per_minute": 1_000_000_000, "concurrent_requests": 10_000,
        ]
    }

    /// A whole file.
    package static func settings(_ folder: String, _ url: String) -> [String: any Sendable] {
        let upstream: [String: any Sendable] = ["url": url, "slots": 512]
        let model: [String: any Sendable] = ["name": model, "context_tokens": 4_000_000, "tiers": ["pro"], "upstreams": [upstream]]
        return [
            "listen": "127.0.0.1:0", "operations": ["listen": "127.0.0.1:0"], "state_dir": folder + "/state", "loops": 2, "tiers": [tier()],
            "models": [model], "keys": [["name": "k", "key": key, "tier": "pro"]],
        ]
    }

    /// The last line that a script of ours prints, when it is given where the gateway is and what it takes.
    package func findings(of script: String, _ more: [String] = [], limit: Duration = .seconds(120)) async throws -> [String: Any] {
        let errors = folder + "/\(script).log"
        let child = try ChildProcess(
            Checkout.python("http2"), [Checkout.script(script), "\(port)", Self.key, Self.model] + more, errors: errors)
        let status = try await child.ended(within: limit)
        let complaint = String(decoding: FileManager.default.contents(atPath: errors) ?? Data(), as: UTF8.self)
        for line in child.lines.dropLast() { print(line) }
        guard status == 0, let line = child.lines.last else { throw Waiting.Timeout(description: "\(script): status \(status): \(complaint)") }
        return try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] ?? [:]
    }

    /// Status of one short question.
    package func ask() async throws -> Int {
        let body = #"{"model":"\#(Self.model)","max_tokens":4,"messages":[{"role":"user","content":"hello"}]}"#
        let headers = ["Authorization": "Bearer " + Self.key]
        return try await HTTPCall.send("POST", "http://127.0.0.1:\(port)/v1/chat/completions", headers: headers, body: body).status
    }

    package func load(customers: Int, turns: Int, maxTokens: Int = 8) throws -> LoadClient {
        try LoadClient(
            url: "http://127.0.0.1:\(port)", key: Self.key, model: Self.model, customers: customers, turns: turns, maxTokens: maxTokens)
    }

    package func metric(_ name: String) async throws -> Double {
        let page = try await HTTPCall.send("GET", "http://127.0.0.1:\(operationsPort)/metrics").body
        let line = page.split(separator: "\n").first { $0.hasPrefix(name + " ") }
        return line.flatMap { Double($0.dropFirst(name.count + 1)) } ?? 0
    }
}
