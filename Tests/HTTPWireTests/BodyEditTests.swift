import HTTPWire
import Testing

@Suite struct BodyEditTests {
    private func edited(_ text: String, insert: [(StaticString, Int)], remove: (Int) -> Bool) throws -> JSONValue {
        var bytes = Array(text.utf8)
        let scan = RequestScan()
        try bytes.withUnsafeBytes { try scan.scan($0) }
        let stays = bytes.withUnsafeMutableBytes { BodyEdit.remove(scan.members, from: $0, where: remove) }
        var edit = BodyEdit()
        for (name, value) in insert { edit.insert(name, integer: value) }
        edit.finish(restHasMembers: stays)
        return try JSONValue.parse(edit.start + bytes[(scan.open + 1)...])
    }

    @Test func everySubsetOfMembersCanGoWithAndWithoutInsertions() throws {
        let names = ["a", "b", "c", "d", "e"]
        for count in 0...names.count {
            let text = "{ " + names[..<count].map { #""\#($0)" : {"x":[1, "}"]} "# }.joined(separator: ", ") + "}"
            for mask in 0..<(1 << count) {
                for insertions in [[], [("new", 7)], [("new", 7), ("more", 8)]] as [[(StaticString, Int)]] {
                    let value = try edited(text, insert: insertions) { mask >> $0 & 1 == 1 }
                    let kept = (0..<count).filter { mask >> $0 & 1 == 0 }.map { names[$0] }
                    #expect(value.object?.names == insertions.map(\.0.description) + kept)
                }
            }
        }
    }

    @Test(arguments: [0, 7, 10, 99, 100, 1_000_000_000, Int.max])
    func numbersAreWrittenAsTheyAreRead(_ number: Int) throws {
        var edit = BodyEdit()
        for _ in 0..<2 {
            edit.begin()
            edit.insert("n", integer: number)
            edit.finish(restHasMembers: false)
            #expect(edit.start == Array(#"{"n":\#(number)"#.utf8), "also when the storage is used again")
        }
    }

    @Test func quotesWhatItInserts() throws {
        var edit = BodyEdit()
        edit.insert("model", json: BodyEdit.quoted("a\"b\\c\u{1}é"))
        edit.finish(restHasMembers: false)
        #expect(try JSONValue.parse(edit.start + Array("}".utf8))["model"]?.string == "a\"b\\c\u{1}é")
    }
}
