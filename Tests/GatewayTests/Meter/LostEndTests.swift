import Domain
import Glibc
import NIOCore
import PlimsollWire
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// The disk takes the admissions of requests and refuses their ends: of these no record tells, so nothing else may.
@Suite("Ends that the disk refuses")
struct LostEndTests {
    private static let usage = "GET /v1/usage HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\nconnection: close\r\n\r\n"

    private var setup: GatewayFixture.Setup {
        var setup = GatewayFixture.Setup()
        setup.tier.tokensPerDay = 1_000
        setup.losesEnds = true
        setup.editSpool = { spool in
            // Each turn is written at once, and nothing finds out early that the disk is gone.
            (spool.tailBytes, spool.syncDelay) = (0, .seconds(600))
        }
        return setup
    }

    /// Nothing more fits into the live segment, and the next one cannot be begun.
    private func fillDisk(_ gateway: GatewayFixture) throws {
        let folder = ScratchFolder(at: gateway.spool.settings.directory)
        let live = try #require(try folder.files(".seg").first)
        try folder.write([], to: live.replacing("00000001", with: "00000002"))
        try OpenFile.replace("\(folder.path)/\(live)", by: open("/dev/full", O_WRONLY | O_CLOEXEC))
    }

    @Test("limits, minute and metrics tell of it what its record will: that it was interrupted, with nothing to bill", arguments: [false, true])
    func unrecorded(streams: Bool) async throws {
        let (isAsked, mayAnswer) = (ScriptedRuntime.promise(), ScriptedRuntime.promise())
        let runtime = try await ScriptedRuntime { _, _ in
            isAsked.succeed()
            return [.after(mayAnswer.futureResult), .send(streams ? Samples.wholeStream : Answers.json(Samples.answer))]
        }
        let records = try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.post(streams ? Samples.stream : Samples.request)
            try await isAsked.futureResult.get()
            try fillDisk(gateway)
            mayAnswer.succeed()
            let answer = try await client.answer()
            #expect(answer.contains("metering_unavailable") && !answer.contains("[DONE]"), "\(answer)")
            let cells = try await gateway.spool.takeMinutes()
            #expect(cells.map { MinuteCounters($0.key, $0.value).outcomes } == [["bad:interrupted": 1]])
            #expect(cells.values.map { $0.promptTokens + $0.completionTokens + $0.firstToken.samples } == [0])
            let asking = try await TestClient(port: gateway.port)
            try await asking.send(Self.usage)
            let usage = try await asking.answer()
            #expect(usage.contains(#""tokens":{"limit":1000,"used":0,"left":1000}"#) && usage.contains(#""used":0,"left":100}}"#), "\(usage)")
            let page = gateway.metrics.prometheusText()
            #expect(page.contains(#"outcome="bad:interrupted"} 1"#) && !page.contains(#"outcome="good"} 1"#))
        }
        #expect(records.map(\.outcome) == ["bad:interrupted"] && records.map(\.billableCompletionTokens) == [0])
    }
}
