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

    @Test func idsStayWholeAndTheOthersGiveWay() {
        let id = "0192f0c1-7a2b-7000-8000-000000000001"
        let row = [id, String(repeating: "w", count: 60), String(repeating: "v", count: 9)]
        let table = TextTable(titles: ["id", "text", "more"], rows: [row], whole: [0])
        #expect(table.render(width: 60).split(separator: "\n").allSatisfy { $0.count <= 60 && ($0.hasPrefix("ID ") || $0.hasPrefix(id)) })
        #expect(table.render(width: 20).contains(id))
        #expect(AdminColumn("id", "id").isWhole && AdminColumn("tenant", "tenant").isWhole && !AdminColumn("name", "name").isWhole)
    }

    @Test func microsecondsAreShownAsAnInstant() throws {
        let row = try JSONValue.parse(#"{"at":1764115200000000}"#)
        #expect(AdminColumn("at", "at", isMicroseconds: true).text(row) == "2025-11-26T00:00:00Z")
    }

    @Test func jsonIsPrintedWithoutWhatATerminalObeys() throws {
        let value = JSONValue.string("a\u{1b}\u{9b}\u{7f}\u{202e}é")
        #expect(JSONPrinter.compact(value) == #""a\u001b\u009b\u007f\u202eé""#)
        #expect(try JSONValue.parse(JSONPrinter.compact(value)) == value)
    }

    @Test func aCellCannotSteerTheTerminal() {
        #expect(!TextTable(titles: ["a"], rows: [["x\u{1b}[2J\ny"]]).render(width: nil).contains("\u{1b}"))
    }

    @Test func emptyValuesAndNestedOnesAreShown() throws {
        let row = try JSONValue.parse(#"{"a":null,"b":{"c":[1,2]},"d":"","e":true}"#)
        #expect(AdminColumn("x", "a").text(row) == "-" && AdminColumn("x", "b.c").text(row) == "1,2")
        #expect(AdminColumn("x", "d").text(row) == "-" && AdminColumn("x", "e").text(row) == "yes" && AdminColumn("x", "zz").text(row) == "-")
    }

    @Test(arguments: [
        ("30.88235294117638", "30.8824"), ("0.9995", "0.9995"), ("-99.99999999", "-100.0"), ("0.0", "0.0"), ("1234567.89", "1234570.0"),
        ("0.00001", "1e-05"), ("1e-320", "1e-320"), ("7", "7"),
    ])
    func numbersAreShownToSixDigits(_ told: String, _ shown: String) throws {
        let row = try JSONValue.parse("{\"a\":\(told),\"b\":[\(told)]}")
        #expect(AdminColumn("x", "a").text(row) == shown && AdminColumn("x", "b").text(row) == shown)
    }

    @Test(arguments: [
        ["tenants", "list", "bogus=1"], ["tenants", "create"], ["nothing"], ["tenants", "list", "--limit", "0"], ["dev", "--stop", "--reset"],
        ["tenants", "update", "acme", "name=other"], ["hosts", "drain", "h1", "--deadline", "0"],
        ["hosts", "invite", "--pool", "p", "--seconds", "1"],
        ["audit", "list", "--order", "sideways"],
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
