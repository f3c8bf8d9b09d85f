import Foundation
import Glibc
import Testing

/// The rules for Prometheus, by Prometheus's own tool, and against the document of metrics.
@Suite struct AlertTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    private static let folder = root.appendingPathComponent("Deploy/prometheus").path

    private func text(_ path: String) throws -> String { try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8) }

    private func words(_ text: String, _ expression: String) throws -> Set<String> {
        let regex = try NSRegularExpression(pattern: expression)
        let found = regex.matches(in: text, range: NSRange(text.startIndex..., in: text))
        return Set(found.compactMap { Range($0.range(at: 1), in: text).map { String(text[$0]) } })
    }

    @Test(arguments: ["check rules alerts.yml", "test rules alerts_test.yml"]) func promtoolAcceptsTheRules(_ command: String) throws {
        let tool = try #require(popen("cd '\(Self.folder)' && promtool \(command) 1>&2", "r"))
        #expect(pclose(tool) == 0)
    }

    @Test func eachRuleIsSeenToFireAndToBeQuiet() throws {
        let rules = try words(text("Deploy/prometheus/alerts.yml"), #"- alert: (\w+)"#)
        let stories = try text("Deploy/prometheus/alerts_test.yml")
        #expect(rules.count > 10)
        #expect(try words(stories, #"name: (\w+) fires"#) == rules && words(stories, #"name: (\w+) is quiet"#) == rules)
    }

    @Test func rulesAskForMetricsThatThereAre() throws {
        let asked = try words(text("Deploy/prometheus/alerts.yml"), #"\b(plimsoll_\w+)"#)
        #expect(asked.subtracting(try words(text("docs/metrics.md"), #"`(plimsoll_\w+)`"#)).isEmpty)
    }
}
