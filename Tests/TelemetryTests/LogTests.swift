import Glibc
import Logging
import Testing

@testable import Telemetry

@Suite struct LogTests {
    private func lines(format: LogFormat = .json, redact: @escaping LogSetup.Redaction = { $0 }, _ use: (Logger) -> Void) throws -> String {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { ends.forEach { close($0) } }
        let sink = LogSink(descriptor: ends[1])
        var logger = Logger(label: "test") { PlimsollLogHandler(label: $0, level: .info, format: format, sink: sink, redact: redact) }
        logger[metadataKey: LogKeys.tenant] = "t-1"
        use(logger)
        var bytes = [UInt8](repeating: 0, count: 65_536)
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        let count = read(ends[0], &bytes, bytes.count)
        return String(decoding: bytes[..<max(0, count)], as: UTF8.self)
    }

    @Test func aRecordIsOneLineOfJSONWithItsMetadataEscaped() throws {
        let text = try lines { $0.warning("said \"no\"\n", metadata: [LogKeys.reason: "a\\b\u{1}"]) }
        #expect(text.hasSuffix(#""level":"warning","logger":"test","message":"said \"no\"\n","error.reason":"a\\b\u0001","tenant.id":"t-1"}"# + "\n"))
        #expect(text.count { $0 == "\n" } == 1)
    }

    @Test func aRedactedValueIsWrittenAsItsSizeAlone() throws {
        let secret = Redacted("pls_live_marker")
        let text = try lines { $0.info("x", metadata: [LogKeys.keyId: .stringConvertible(secret), LogKeys.reason: "\(secret)"]) }
        #expect(!text.contains("marker"))
        #expect(text.contains("<redacted 15 bytes>"))
        #expect(!"\(String(reflecting: secret))\(dumped(secret))".contains("marker"))
    }

    @Test func aLineThatHasThePromptOfProbesIsNoticed() throws {
        let before = LogCanary.lines
        _ = try lines { logger in
            logger.info("asked", metadata: [LogKeys.reason: "Count from one to ten."])
            logger.info("asked", metadata: ["prompt": "\(LogCanary.text)"])
        }
        #expect(LogCanary.lines == before, "what is not listed is not written")
        _ = try lines { $0.info("asked", metadata: [LogKeys.reason: #"{"content": "\#(LogCanary.text)"}"#]) }
        _ = try lines(format: .text) { $0.info("\(LogCanary.text)") }
        #expect(LogCanary.lines == before + 2)
    }

    private func dumped(_ value: Any) -> String {
        var text = ""
        dump(["in a list": value], to: &text)
        return text
    }

    @Test func aNameOutsideTheClosedSetLosesItsValue() throws {
        let text = try lines { $0.info("x", metadata: ["prompt": "marker"]) }
        #expect(text.contains(#""prompt":"<unlisted 6 bytes>""#))
        #expect(!text.contains("marker"))
    }

    @Test func aLongValueIsCutAndALineStaysWithinItsBound() throws {
        let long = String(repeating: "é", count: 5000)
        let text = try lines { $0.info("\(long)", metadata: [LogKeys.reason: "\(long)", LogKeys.path: "\(long)"]) }
        #expect(text.utf8.count <= LogSink.lineLimit)
        #expect(text.contains("…(10000 bytes)") && text.hasSuffix("}\n"))
    }

    /// Cutting comes after redacting: half a secret is not known for one.
    @Test(arguments: LogFormat.allCases) func everyTextOfARecordIsRedactedBeforeItIsCut(format: LogFormat) throws {
        let secret = "marker" + String(repeating: "9", count: 200)
        let redact: LogSetup.Redaction = { $0.replacing(secret, with: "<redacted>") }
        let text = try lines(format: format, redact: redact) {
            $0.error("of \(secret)", metadata: [LogKeys.reason: "\(String(repeating: "x", count: 400)) \(secret)", LogKeys.path: "/\(secret)"])
        }
        #expect(!text.contains("marker") && text.split(separator: "<redacted>").count == 4, "\(text)")
        #expect(text.count { $0 == "\n" } == 1 && text.hasSuffix("\n"))
    }

    @Test func aTextLineCannotBeForgedOrSteerATerminal() throws {
        let text = try lines(format: .text) { $0.error("bad", metadata: [LogKeys.reason: "x\n2030 INFO forged\u{1b}[2J"]) }
        #expect(text.count { $0 == "\n" } == 1)
        #expect(text.contains("ERROR test: bad error.reason=x 2030 INFO forged [2J tenant.id=t-1"))
    }

    @Test func aReaderThatStoppedReadingCostsLinesAndNoTime() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { ends.forEach { close($0) } }
        let sink = LogSink(descriptor: ends[1])
        for _ in 0..<100 { sink.write([UInt8](repeating: 65, count: 4096)) }
        #expect(sink.dropped > 50)
    }

    @Test func timesAreRFC3339() {
        #expect(LogTime.text(seconds: 0, milliseconds: 7) == "1970-01-01T00:00:00.007Z")
        #expect(LogTime.text(seconds: 1_795_511_645, milliseconds: 999) == "2026-11-24T09:14:05.999Z")
    }
}
