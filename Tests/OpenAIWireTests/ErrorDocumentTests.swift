import FoundationEssentials
import OpenAIWire
import Testing

/// `docs/errors.md` says what the code does.
@Suite struct ErrorDocumentTests {
    private static let rows: [[String]] = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        // A document that cannot be read has no rows, and every test fails.
        let text = (try? String(contentsOf: root.appending(path: "docs/errors.md"), encoding: .utf8)) ?? ""
        return text.split(separator: "\n").filter { $0.hasPrefix("| `") }.map { line in
            line.split(separator: "|").map { cell in String(cell.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
        }
    }()

    @Test(arguments: APIErrorCode.allCases)
    func everyErrorHasItsRow(_ code: APIErrorCode) throws {
        let rows = Self.rows.filter { $0.first == "`\(code.rawValue)`" }
        let row = try #require(rows.count == 1 ? rows.first : nil)
        #expect(row.count == 6)
        #expect(row[1] == "`\(code.type)`")
        // What the reader of heads found decides the status of a head that is refused.
        #expect(row[2] == (code == .malformedRequest ? "400, 414, 417, 431 or 505" : "\(code.status)"))
        #expect(row[3] == (code.isRetryable ? "yes" : "no"))
        #expect(!row[4].isEmpty)
        #expect(row[5] == code.fault.rawValue)
    }

    @Test(arguments: APIErrorCode.allCases)
    func nobodyButTheCustomerIsToBlameForAStatusBelow500ButForWantOfCapacity(_ code: APIErrorCode) {
        #expect((code.fault == .customer) == (code.status < 500 && code != .overCapacity))
    }

    @Test func noRowIsOfAnErrorThatDoesNotExist() {
        #expect(Self.rows.count == APIErrorCode.allCases.count)
    }
}
