import HTTPWire
import Testing

@testable import Commands

@Suite struct WriteUpTextTests {
    @Test func aWriteUpIsALineForEachFieldAndASectionForEachGroupOfThem() throws {
        let document = try JSONValue.parse(
            """
            {"state": "draft", "title": "Provider health", "felt_minutes": 4, "impact": "2 customers\\u001b[2J had requests fail.", "actions": ["drain_provider"],
                "budget": {"bad_minutes": 3, "is_settled": true}, "proposals": [], "root_cause": "", "steps": [{"at": "10:00"}, {"at": "10:05"}]}
            """)
        #expect(
            WriteUpText.lines(document) == [
                "write-up, a draft:", "  title         Provider health", "  felt minutes  4", "  impact        2 customers [2J had requests fail.",
                "  budget:", "    bad minutes  3", "    is settled   yes", "  root cause    -", "  actions       drain_provider", "  proposals     -",
                "  steps:", "    at  10:00", "", "    at  10:05",
            ])
    }

    @Test func anIncidentThatIsNotOverHasNone() {
        #expect(WriteUpText.lines(.null) == ["write-up: none yet, it is drafted when the incident is over"])
        #expect(WriteUpText.lines(nil).count == 1)
    }
}
