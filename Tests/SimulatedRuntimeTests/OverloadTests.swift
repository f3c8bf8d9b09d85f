import Logging
import SimulatedRuntime
import Testing

@Suite struct OverloadTests {
    @Test func clientThatLeavesFreesItsSlotAtOnce() async throws {
        try await withSimulation(.vllm, slots: 1) { client in
            try await client.withConnection { connection in
                try await connection.send("POST", "/v1/chat/completions", chat("[[tokens 100000]]", fields: #","stream":true"#))
                try await connection.read(until: #""content":" "#)
            }
            #expect(try await client.waits(for: #""aborted":1"#))
            #expect(try await client.ask("GET", "/_control").contains(#""running":0"#))
            #expect(try await client.chat("next", fields: #","max_tokens":2"#).hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test func vllmRefusesBeyondItsCapAndLlamaQueues() async throws {
        try await whileBusy(.vllm) { client in
            let answer = try await client.chat("next")
            #expect(answer.hasPrefix("HTTP/1.1 503"))
        }
        try await whileBusy(.llamacpp) { client in
            try await client.withConnection { connection in
                try await connection.send("POST", "/v1/chat/completions", chat("next"))
                #expect(try await client.waits(for: #""waiting":1"#))
            }
            #expect(try await client.ask("GET", "/metrics").contains("llamacpp:requests_processing 1"))
        }
    }

    @Test func llamaTellsOfFullSlots() async throws {
        try await whileBusy(.llamacpp) { client in
            let full = try await client.ask("GET", "/slots?fail_on_no_slot=1")
            #expect(full.hasPrefix("HTTP/1.1 503"))
            let slots = try await client.ask("GET", "/slots")
            #expect(slots.contains(#""is_processing":true"#))
        }
    }

    @Test func sigtermCutsVllmAtOnceUnlessItHasTime() async throws {
        #expect(try await streamWhileStopping(grace: .zero) == false)
        #expect(try await streamWhileStopping(grace: .seconds(30)) == true)
    }

    /// True when a running stream got its end although the runtime was told to stop.
    private func streamWhileStopping(grace: Duration) async throws -> Bool {
        var settings = SimulationSettings(dialect: .vllm, model: "tiny")
        settings.tokenGap = .milliseconds(5)
        settings.shutdownTimeout = grace
        let running = try await SimulatedRuntime(
            settings: settings, listen: .loopback(port: 0), logger: Logger(label: "test"), onCrash: {}
        ).start()
        return try await RawClient(port: running.port ?? 0).withConnection { connection in
            try await connection.send("POST", "/v1/chat/completions", chat("[[tokens 40]]", fields: #","stream":true"#))
            try await connection.read(until: #""content":" "#)
            async let stopped: Void = running.stop()
            let text = try await connection.readToEnd()
            await stopped
            return text.contains("[DONE]")
        }
    }

    /// One slot, one request in it that does not end.
    private func whileBusy(_ dialect: Dialect, _ body: (RawClient) async throws -> Void) async throws {
        try await withSimulation(dialect, slots: 1, queueCap: 1) { client in
            try await client.withConnection { connection in
                try await connection.send("POST", "/v1/chat/completions", chat("[[tokens 20000]]", fields: #","stream":true"#))
                try await connection.read(until: #""content":" "#)
                try await body(client)
            }
        }
    }
}
