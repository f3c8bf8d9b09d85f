import Foundation
import TestSupport
import Testing

extension MachineTests {
    @Suite struct MetricsTests {
        /// The pages of all programs, after traffic, against Prometheus's own tool and against the document that names each family.
        @Test(.timeLimit(.minutes(3))) func everyPageIsAcceptedAndDocumented() async throws {
            try await Installation.with { plimsoll in
                #expect(try await plimsoll.answers())
                let document = try String(contentsOfFile: Checkout.root + "/docs/metrics.md", encoding: .utf8)
                for (program, port) in [("control", 0), ("gateway", 102), ("agent", 202)] {
                    let page = try await HTTPCall.send("GET", "http://127.0.0.1:\(plimsoll.portBase + port)/metrics")
                    #expect(page.status == 200, "metrics of \(program)")
                    try await acceptedByPromtool(page.body + "\n", of: program, in: plimsoll.state)
                    for family in families(page.body) where !document.contains("`\(family)`") {
                        Issue.record("\(family) of \(program) is not in docs/metrics.md")
                    }
                }
            }
        }

        private func families(_ page: String) -> [String] {
            page.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }.map { String($0.split(separator: " ")[2]) }
        }

        private func acceptedByPromtool(_ page: String, of program: String, in folder: String) async throws {
            let file = "\(folder)/\(program).metrics"
            try page.write(toFile: file, atomically: true, encoding: .utf8)
            let tool = try ChildProcess("/bin/sh", ["-c", "promtool check metrics < \(file) 2>&1"])
            #expect(try await tool.ended(within: .seconds(20)) == 0, "\(program): \(tool.lines.joined(separator: "; "))")
        }
    }
}
