import Foundation
import TestSupport
import Testing

/// The tools that the other tests trust.
@Suite struct ToolTests {
    @Test func loadClientTellsHowAnswersEnded() async throws {
        try await withRuntime { url in
            #expect(try await outcomes(url, customers: 4) == ["finished"])
            _ = try await HTTPCall.send("POST", url + "/_control", body: #"{"fault":"close_mid_stream","after":2}"#)
            #expect(try await outcomes(url, customers: 4) == ["cut"])
            _ = try await HTTPCall.send("POST", url + "/_control", body: #"{"fault":"storm_503"}"#)
            #expect(try await outcomes(url, customers: 4) == ["refused"])
        }
        #expect(try await outcomes("http://127.0.0.1:9", customers: 1) == ["unanswered"])
    }

    @Test func crashOrderedOnARuntimeEndsItsProcess() async throws {
        let runtime = try ChildProcess(Checkout.program("plimsoll-simulated-runtime"), ["--model", "tiny"])
        do {
            let url = try await address(runtime)
            _ = try await HTTPCall.send("POST", url + "/_control", body: #"{"fault":"crash","after":1}"#)
            let load = try LoadClient(url: url, key: "any", model: "tiny", customers: 1, turns: 1)
            #expect(try await load.finish().map(\.outcome) == ["cut"])
            #expect(try await runtime.ended(within: .seconds(10)) == SIGKILL)
        } catch {
            await runtime.stop(grace: .zero)
            throw error
        }
    }

    @Test func simulatedRuntimeSaysThatItIsATestTool() async throws {
        let help = try ChildProcess(Checkout.program("plimsoll-simulated-runtime"), ["--help"])
        try await help.ended(within: .seconds(10))
        #expect(help.lines.joined(separator: " ").contains("test tool"))
    }

    @Test func realRuntimeServesATinyModelOnAUnixSocket() async throws {
        let socket = "/tmp/plimsoll-llama-\(UUID().uuidString.prefix(8)).sock"
        // The server leaves its socket behind.
        defer { try? FileManager.default.removeItem(atPath: socket) }
        let worker = try ChildProcess(
            Checkout.python("llama"),
            [
                Checkout.root + "/Deploy/runtimes/llama_worker.py", "--model", Checkout.tinyModel, "--alias", "tiny", "--socket", socket, "--ctx",
                "2048",
            ])
        do {
            try await worker.wait("a loaded model", within: .seconds(40)) { $0.contains { $0.hasPrefix("READY") } }
            let answer = try await HTTPCall.send(
                "POST", "http://runtime/v1/chat/completions", body: #"{"max_tokens":5,"messages":[{"role":"user","content":"hi"}]}"#, socket: socket)
            #expect(answer.at("usage.completion_tokens") == "5", "\(answer.body)")
            await worker.stop()
        } catch {
            await worker.stop(grace: .zero)
            throw error
        }
    }

    @Test func benchmarkChecksEveryByte() async throws {
        let upstream = try ChildProcess(Checkout.program("plimsoll-bench"), ["upstream", "--port", "0", "--gap-ms", "1"])
        do {
            try await upstream.wait("the upstream", within: .seconds(10)) { !$0.isEmpty }
            let port = try #require(upstream.lines.first?.split(separator: " ").last)
            let common = ["load", "--port", "\(port)", "--key", "k", "--seconds", "0.3", "--connections", "4"]
            for flags in [[], ["--stream"]] {
                let right = try await measured(common + flags)
                #expect(right["completed"] ?? 0 > 0)
                #expect(right["wrong"] == 0)
                let wrong = try await measured(common + flags + ["--tokens", "63"])
                #expect(wrong["wrong"] == wrong["completed"])
            }
            await upstream.stop()
        } catch {
            await upstream.stop(grace: .zero)
            throw error
        }
    }

    private func measured(_ arguments: [String]) async throws -> [String: Int] {
        let load = try ChildProcess(Checkout.program("plimsoll-bench"), arguments)
        try await load.ended(within: .seconds(30))
        let line = Data((load.lines.last ?? "{}").utf8)
        let values = try JSONSerialization.jsonObject(with: line) as? [String: Any] ?? [:]
        return values.compactMapValues { $0 as? Int }
    }

    private func outcomes(_ url: String, customers: Int) async throws -> Set<String> {
        let load = try LoadClient(url: url, key: "any", model: "tiny", customers: customers, turns: 1, maxTokens: 8)
        return Set(try await load.finish().map(\.outcome))
    }

    private func withRuntime(_ body: (String) async throws -> Void) async throws {
        let runtime = try ChildProcess(
            Checkout.program("plimsoll-simulated-runtime"), ["--model", "tiny", "--first-token-ms", "5", "--token-gap-ms", "1"])
        do {
            try await body(try await address(runtime))
            await runtime.stop()
        } catch {
            await runtime.stop(grace: .zero)
            throw error
        }
    }

    private func address(_ runtime: ChildProcess) async throws -> String {
        try await runtime.wait("the runtime's address", within: .seconds(10)) { $0.contains { $0.hasPrefix("READY ") } }
        let line = try #require(runtime.lines.first { $0.hasPrefix("READY ") })
        return String(line.split(separator: " ")[1])
    }
}
