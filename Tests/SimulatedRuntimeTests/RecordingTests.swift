import FoundationEssentials
import Testing

@testable import SimulatedRuntime

@Suite struct RecordingTests {
    private struct Anything: Decodable {
        init(from decoder: any Decoder) throws {}
    }

    @Test(arguments: Recording.all)
    func everyRecordingIsSound(_ recording: Recording) throws {
        for event in recording.stream where event != "data: [DONE]\n\n" {
            #expect(event.hasPrefix("data: {") && event.hasSuffix("}\n\n"))
            _ = try JSONDecoder().decode(Anything.self, from: Data(event.dropFirst("data: ".count).utf8))
        }
        _ = try JSONDecoder().decode(Anything.self, from: Data(recording.whole.utf8))
        #expect(Recording.all.count { $0.name == recording.name } == 1)
    }

    @Test(arguments: Recording.all)
    func aPromptHasARecordingPlayed(_ recording: Recording) async throws {
        let (streamed, whole) = try await withSimulation(.vllm) {
            (try await $0.chat("[[play \(recording.name)]]", fields: #","stream":true"#), try await $0.chat("[[play \(recording.name)]]"))
        }
        for event in recording.stream { #expect(streamed.contains(event)) }
        #expect(whole.hasSuffix(recording.whole) && whole.hasPrefix("HTTP/1.1 \(recording.status) "))
    }

    @Test func anOrderHasARecordingPlayedUntilItIsTakenBack() async throws {
        try await withSimulation(.llamacpp) { client in
            try await client.order(#"{"play":"sglang-tools"}"#)
            #expect(try await client.chat("hi").contains("call_5e6f7a8b"))
            try await client.order(#"{"play":"none"}"#)
            #expect(try await !client.chat("hi").contains("call_5e6f7a8b"))
            #expect(try await client.ask("POST", "/_control", #"{"play":"nothing"}"#).contains("one of none, vllm-tools"))
        }
    }
}
