import Foundation
import PlimsollWire
import TestSupport
import Testing

@testable import Console

/// The pages in a real browser, in every state that they may be in.
@Suite struct StatusBrowserTests {
    private struct Served: Encodable {
        var path: String
        var contentType: String
        var body: String
    }

    private static let python = ProcessInfo.processInfo.environment["PLIMSOLL_TEST_PYTHON"].map { "\($0)/browser/bin/python" }

    /// `PLIMSOLL_PICTURES`: a folder where the pictures stay.
    @Test(.enabled(if: python.map { FileManager.default.isExecutableFile(atPath: $0) } ?? false, "needs the browser that Deploy/test installs"))
    func `the page is readable on a phone and a desk, by day and by night, without scripts or foreign requests`() async throws {
        let kept = ProcessInfo.processInfo.environment["PLIMSOLL_PICTURES"]
        let folder = kept ?? FileManager.default.temporaryDirectory.path + "/status-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var states: [String: [Served]] = [:]
        for (name, snapshot) in StatusFixture.all {
            states[name] = StatusPages(snapshot).documents.map { Served(path: $0.path, contentType: $0.contentType, body: $0.live) }
        }
        states["stale"] = StatusPages(StatusFixture.snapshot()).documents.map {
            Served(path: $0.path, contentType: $0.contentType, body: $0.body(ageSeconds: 900))
        }
        for (name, month) in TenantMonthFixture.all {
            states["month-\(name)"] = [
                Served(
                    path: "/report", contentType: "text/html; charset=utf-8",
                    body: TenantMonthPage(month, downloads: [("Report as JSON", "x/report.json")]).html)
            ]
        }
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        try encoder.encode(states).write(to: URL(filePath: "\(folder)/states.json"))
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "TestSupport/Python/status_browser.py").path
        let python = try #require(Self.python)
        do {
            try await ToolRun.run([python, script, "\(folder)/states.json", folder])
        } catch {
            let faults = (try? String(contentsOfFile: "\(folder)/faults.txt", encoding: .utf8)) ?? "the browser did not run"
            Issue.record("\(error): \(faults)")
        }
        if kept == nil { try FileManager.default.removeItem(atPath: folder) }
    }
}
