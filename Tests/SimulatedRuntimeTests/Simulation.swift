import Logging
import SimulatedRuntime

/// Starts a simulated runtime for the length of a test.
func withSimulation<Answer>(
    _ dialect: Dialect, slots: Int = 4, kvTokens: Int = 32_768, queueCap: Int? = nil, loading: Duration = .zero,
    crash: @escaping @Sendable () -> Void = {}, _ body: (RawClient) async throws -> Answer
) async throws -> Answer {
    var settings = SimulationSettings(dialect: dialect, model: "tiny")
    settings.firstToken = .milliseconds(2)
    settings.tokenGap = .milliseconds(1)
    settings.slots = slots
    settings.kvTokens = kvTokens
    settings.queueCap = queueCap
    settings.loading = loading
    let runtime = SimulatedRuntime(settings: settings, listen: .loopback(port: 0), logger: Logger(label: "test"), onCrash: crash)
    let running = try await runtime.start()
    do {
        let answer = try await body(RawClient(port: running.port ?? 0))
        await running.stop()
        return answer
    } catch {
        await running.stop()
        throw error
    }
}

func chat(_ content: String, model: String = "tiny", fields: String = "") -> String {
    #"{"model":"\#(model)","messages":[{"role":"user","content":"\#(content)"}]\#(fields)}"#
}

extension RawClient {
    func chat(_ content: String, fields: String = "") async throws -> String {
        try await ask("POST", "/v1/chat/completions", SimulatedRuntimeTests.chat(content, fields: fields))
    }

    func order(_ order: String) async throws {
        _ = try await ask("POST", "/_control", order)
    }

    /// Looks at the counts until the text stands in them; at most five seconds.
    func waits(for count: String) async throws -> Bool {
        let end = ContinuousClock.now + .seconds(5)
        while ContinuousClock.now < end {
            if try await ask("GET", "/_control").contains(count) { return true }
        }
        return false
    }
}

extension String {
    func occurrences(of text: String) -> Int {
        ranges(of: text).count
    }
}
