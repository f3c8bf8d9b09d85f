import FoundationEssentials
import Testing

@testable import Domain

/// Runs the worked cases: the file in `PLIMSOLL_VECTORS`, else the project's own copy. `PLIMSOLL_VECTORS_REPORT` names a file that gets one
/// line for each case, `ID passed|failed|skipped`.
@Suite("Worked cases")
struct VectorTests {
    /// Invoices, exchange rates, ledger, chain, custody, accounting, cost and capacity.
    private static let unbuilt: Set = ["INV", "FX", "LED", "CHN", "CUS", "ACC", "COG", "CAP"]

    @Test("every worked case of a built area gives its exact result")
    func workedCases() throws {
        let verdicts = try WorkedCase.load().map { ($0, $0.run()) }
        for case (let worked, .failed(let reason)) in verdicts {
            Issue.record("\(worked.id) (\(worked.title)): \(reason)")
        }
        #expect(!verdicts.isEmpty, "a file without cases proves nothing")
        guard let report = ProcessInfo.processInfo.environment["PLIMSOLL_VECTORS_REPORT"] else { return }
        let lines = verdicts.map { "\($0.id) \($1.word)\n" }.joined()
        try Data(lines.utf8).write(to: URL(filePath: report))
    }

    @Test("no case of the project's own copy is left out, but those of areas that are not built")
    func wholeCopy() throws {
        guard ProcessInfo.processInfo.environment["PLIMSOLL_VECTORS"] == nil else { return }
        let skipped = try WorkedCase.load().filter { $0.run() == .skipped }
        #expect(Self.unbuilt.isSuperset(of: skipped.map(\.area)), "\(skipped.map(\.id))")
        #expect(Set(try WorkedCase.load().map(\.area)).isSuperset(of: WorkedCase.areas.keys))
    }

    @Test("inputs that no rule takes are a failure, areas that are not built are skipped")
    func shapes() {
        let strange = WorkedCase(id: "SLI-00", area: "SLI", title: "", inputs: ["weather": .text("fair")], expected: [:])
        let unbuilt = WorkedCase(id: "ZZZ-00", area: "ZZZ", title: "", inputs: [:], expected: [:])
        #expect(strange.run().word == "failed")
        #expect(unbuilt.run() == .skipped)
    }

    @Test("a wrong result is noticed")
    func wrongResult() {
        let inputs: [String: CaseValue] = ["seen": .integers([1, 3]), "watermark": .integer(3)]
        let wrong = WorkedCase(id: "MTR-00", area: "MTR", title: "", inputs: inputs, expected: ["gaps": .integers([])])
        let right = WorkedCase(id: "MTR-00", area: "MTR", title: "", inputs: inputs, expected: ["gaps": .integers([2])])
        #expect(wrong.run().word == "failed")
        #expect(right.run() == .passed)
    }
}
