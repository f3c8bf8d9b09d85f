import Foundation
import Glibc
import Testing

/// The dashboards for Grafana: whole, and about metrics that there are, in expressions that Prometheus takes.
@Suite struct DashboardTests {
    private struct Dashboard: Decodable {
        struct Panel: Decodable {
            struct Target: Decodable {
                var expr: String
                var legendFormat: String
            }

            struct Place: Decodable {
                var x, y, w, h: Int
            }

            var id: Int
            var type: String
            var title: String
            var description: String?
            var gridPos: Place
            var targets: [Target]?
        }

        var title: String
        var uid: String
        var panels: [Panel]
    }

    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private func dashboards() throws -> [Dashboard] {
        let folder = Self.root.appendingPathComponent("Deploy/grafana")
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".json") }
            .map { try JSONDecoder().decode(Dashboard.self, from: Data(contentsOf: folder.appendingPathComponent($0))) }
    }

    private func expressions() throws -> [String] { try dashboards().flatMap(\.panels).flatMap { $0.targets ?? [] }.map(\.expr) }

    @Test func everyMetricIsInTheDocument() throws {
        let document = try String(contentsOf: Self.root.appendingPathComponent("docs/metrics.md"), encoding: .utf8)
        let asked = try expressions().flatMap { $0.matches(of: /\bplimsoll_\w+/).map { String($0.output) } }
        #expect(asked.count > 30)
        for name in asked {
            let family = name.replacing(/_(bucket|sum|count)$/, with: "")
            #expect(document.contains("`\(family)`"), "\(name)")
        }
    }

    @Test func prometheusTakesEveryExpression() throws {
        let rules = try expressions().enumerated().map { "  - record: dashboard:expression:\($0.offset)\n    expr: '\($0.element)'\n" }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("dashboard-\(UUID().uuidString).yml")
        try Data(("groups:\n- name: dashboard\n  rules:\n" + rules.joined()).utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let tool = try #require(popen("promtool check rules '\(file.path)' 1>&2", "r"))
        #expect(pclose(tool) == 0)
    }

    @Test func everyPanelIsSaidInWordsAndHasAPlaceOfItsOwn() throws {
        for dashboard in try dashboards() {
            #expect(!dashboard.title.isEmpty && !dashboard.uid.isEmpty && Set(dashboard.panels.map(\.id)).count == dashboard.panels.count)
            var taken: Set<[Int]> = []
            for panel in dashboard.panels {
                let place = panel.gridPos
                for x in place.x..<place.x + place.w {
                    for y in place.y..<place.y + place.h { #expect(taken.insert([x, y]).inserted, "\(panel.title)") }
                }
                #expect(place.x + place.w <= 24 && !panel.title.isEmpty)
                guard panel.type != "row" else { continue }
                #expect(panel.description?.isEmpty == false && panel.targets?.isEmpty == false, "\(panel.title)")
                #expect(panel.targets?.allSatisfy { !$0.legendFormat.isEmpty } == true, "\(panel.title)")
            }
        }
    }
}
