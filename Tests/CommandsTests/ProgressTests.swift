import FoundationEssentials
import Glibc
import HTTPWire
import TestSupport
import Testing

@testable import Commands

@Suite(.timeLimit(.minutes(1))) struct ProgressTests {
    /// A file that takes what a progress line writes. No pipe: children of other tests would hold its end.
    private struct Paper: Sendable {
        let path = FileManager.default.temporaryDirectory.appending(path: "plimsoll-progress-\(UUID().uuidString)").path()
        let descriptor: Int32

        init() { descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600) }

        var text: String { (FileManager.default.contents(atPath: path)).map { String(decoding: $0, as: UTF8.self) } ?? "" }

        func remove() {
            close(descriptor)
            unlink(path)
        }
    }

    @Test func workThatTakesItsTimeShowsWhereItIs() async throws {
        let paper = Paper()
        defer { paper.remove() }
        try await LateProgress.over("listing\u{1b} audit", after: .zero, to: paper.descriptor) { progress in
            progress.show("200 rows")
            try await Waiting.until("the line", within: .seconds(30)) { paper.text.contains("200 rows") }
        }
        #expect(paper.text.hasSuffix("listing  audit: 200 rows\n"))
    }

    @Test func whatCannotBeReachedAtOnceIsNoNewsUntilItLasts() {
        let paper = Paper()
        defer { paper.remove() }
        let patient = ProgressLine("control plane", patience: .seconds(3_600), to: paper.descriptor)
        patient.show("http://127.0.0.1:1 cannot be reached: connection refused")
        #expect(paper.text.isEmpty)
        ProgressLine("control plane", to: paper.descriptor).show("cannot be reached")
        #expect(paper.text == "control plane: cannot be reached\n")
    }

    @Test func quickWorkShowsNothing() async throws {
        let paper = Paper()
        defer { paper.remove() }
        let answer = try await LateProgress.over("listing", after: .seconds(3_600), to: paper.descriptor) { _ in 7 }
        #expect(answer == 7 && paper.text.isEmpty)
    }

    @Test func anOrderShowsHowManyRequestsAreOpen() throws {
        #expect(HostOperation.status(try JSONValue.parse(#"{"state":"running","open_requests":1}"#)) == "running, 1 request open")
        #expect(HostOperation.status(try JSONValue.parse(#"{"state":"queued","open_requests":null}"#)) == "queued")
    }
}
