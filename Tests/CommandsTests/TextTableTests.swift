import ArgumentParser
import HTTPWire
import Testing

@testable import Commands

@Suite struct TextTableTests {
    @Test func columnsAreAlignedUnderTheirTitles() {
        let table = TextTable(titles: ["name", "state"], rows: [["a", "active"], ["longer", "x"]])
        #expect(table.render(width: nil) == "NAME    STATE\na       active\nlonger  x")
    }

    @Test func theWidestColumnGivesWayAndTheTableFits() {
        let table = TextTable(titles: ["id", "text"], rows: [["12", String(repeating: "w", count: 100)]])
        let lines = table.render(width: 40).split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= 40 })
        #expect(lines[1].hasPrefix("12  www") && lines[1].hasSuffix("…"))
    }

    @Test func aCellCannotSteerTheTerminal() {
        #expect(!TextTable(titles: ["a"], rows: [["x\u{1b}[2J\ny"]]).render(width: nil).contains("\u{1b}"))
    }

    @Test func emptyValuesAndNestedOnesAreShown() throws {
        let row = FieldAssignment.document(try FieldAssignment.parse(["a=null", "b={\"c\":[1,2]}", "d=", "e=true"]))
        #expect(AdminColumn("x", "a").text(row) == "-" && AdminColumn("x", "b.c").text(row) == "1,2")
        #expect(AdminColumn("x", "d").text(row) == "-" && AdminColumn("x", "e").text(row) == "yes" && AdminColumn("x", "zz").text(row) == "-")
    }

    @Test(arguments: [
        ["tenants", "list", "bogus=1"], ["tenants", "create"], ["nothing"], ["tenants", "list", "--limit", "0"], ["dev", "--stop", "--reset"],
    ])
    func wrongUsageIsExitCodeSixtyFour(_ words: [String]) {
        do {
            _ = try PlimsollCommand.parseAsRoot(words)
            Issue.record("wrong usage was accepted")
        } catch {
            #expect(PlimsollCommand.exitCode(for: error).rawValue == 64)
        }
    }
}
