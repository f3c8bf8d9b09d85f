import SimulatedRuntime
import Synchronization
import Testing

@Suite struct FaultTests {
    private static let stream = #","stream":true,"max_tokens":8"#

    @Test func closesMidStreamWithoutAnEnd() async throws {
        let answer = try await faulty(#"{"fault":"close_mid_stream","after":3,"count":1}"#)
        #expect(answer.occurrences(of: #""content":"#) == 4)
        #expect(!answer.contains("[DONE]"))
        #expect(!answer.hasSuffix("0\r\n\r\n"))
    }

    @Test func hangsMidStreamUntilTheClientLeaves() async throws {
        try await withSimulation(.vllm) { client in
            try await client.order(#"{"fault":"hang_mid_stream","after":2,"count":1}"#)
            try await client.withConnection { connection in
                try await connection.send("POST", "/v1/chat/completions", chat("hi", fields: Self.stream))
                try await connection.read(until: #""content":" "#)
                #expect(try await client.waits(for: #""running":1"#))
            }
            #expect(try await client.waits(for: #""aborted":1"#))
        }
    }

    @Test func hangsBeforeTheHead() async throws {
        try await withSimulation(.llamacpp) { client in
            try await client.order(#"{"fault":"hang_before_head","count":1}"#)
            try await client.withConnection { connection in
                try await connection.send("POST", "/v1/chat/completions", chat("hi"))
                #expect(try await client.waits(for: #""running":1"#))
                #expect(connection.received.isEmpty)
            }
            #expect(try await client.waits(for: #""running":0"#))
        }
    }

    @Test func dripsTheSameBytes() async throws {
        let answer = try await faulty(#"{"fault":"drip","count":1}"#, fields: #","max_tokens":2"#)
        #expect(answer.contains(#""finish_reason":"length""#))
    }

    @Test func answersAsAnotherModel() async throws {
        let answer = try await faulty(#"{"fault":"wrong_model","count":1}"#)
        #expect(answer.contains(#""model":"another-model""#))
    }

    @Test func sendsGarbage() async throws {
        let answer = try await faulty(#"{"fault":"garbage","count":1}"#, fields: "")
        #expect(answer.contains("<html>"))
    }

    @Test func inflatesUsage() async throws {
        let answer = try await faulty(#"{"fault":"inflated_usage","count":1}"#, fields: #","max_tokens":2"#)
        #expect(answer.contains(#""completion_tokens":20"#))
    }

    @Test func stormsAndThenServes() async throws {
        try await withSimulation(.vllm) { client in
            try await client.order(#"{"fault":"storm_503","count":2}"#)
            #expect(try await client.chat("a").hasPrefix("HTTP/1.1 503"))
            #expect(try await client.chat("a").hasPrefix("HTTP/1.1 503"))
            #expect(try await client.chat("a").hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test func crashesAfterSomeTokens() async throws {
        let crashes = Count()
        let crash: @Sendable () -> Void = { crashes.up() }
        try await withSimulation(.vllm, crash: crash) { client in
            try await client.order(#"{"fault":"crash","after":2,"count":1}"#)
            try await client.withConnection { connection in
                try await connection.send("POST", "/v1/chat/completions", chat("hi", fields: Self.stream))
                try await connection.read(until: #""content":" "#)
                #expect(try await client.waits(for: #""generated_tokens":2"#))
            }
        }
        #expect(crashes.value == 1)
    }

    @Test func refusesAnUnknownFault() async throws {
        let answer = try await withSimulation(.vllm) { try await $0.ask("POST", "/_control", #"{"fault":"sulk"}"#) }
        #expect(answer.hasPrefix("HTTP/1.1 400"))
    }

    private func faulty(_ order: String, fields: String = stream) async throws -> String {
        try await withSimulation(.vllm) { client in
            try await client.order(order)
            return try await client.chat("hi", fields: fields)
        }
    }
}

private final class Count: Sendable {
    private let number = Mutex(0)
    var value: Int { number.withLock { $0 } }

    func up() {
        number.withLock { $0 += 1 }
    }
}
