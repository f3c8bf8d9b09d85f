import HTTPWire

/// After edits a body is JSON again, and equal but for the edits. The first byte says which members go, the second how many come.
enum BodyEditFuzzer: Fuzzer {
    static let name = "edit"

    private static let insertions: [(name: StaticString, value: Int)] = [("max_tokens", 0), ("model", 99), ("n", 1_000_000)]

    static func check(_ bytes: [UInt8]) throws {
        var steering = Steering(bytes)
        let (mask, inserted) = (steering.byte(), steering.byte() % (insertions.count + 1))
        let body = Array(steering.rest)
        try quoting(body)
        guard let scan = JSONFuzzer.scan(body), let before = try JSONValue.parse(body).object else { return }
        let coming = insertions[..<inserted]
        let names = Set(coming.map(\.name.description))
        let goes = before.members.enumerated().map { mask >> ($0 % 8) & 1 == 1 || names.contains($1.name) }

        var edited = body
        var edit = BodyEdit()
        edit.begin()
        let stays = edited.withUnsafeMutableBytes { BodyEdit.remove(scan.members, from: $0) { goes[$0] } }
        for (name, value) in coming { edit.insert(name, integer: value) }
        edit.finish(restHasMembers: stays)

        let kept = zip(before.members, goes).filter { !$0.1 }.map(\.0)
        try hold(stays == !kept.isEmpty, "whether members stay is told wrongly")
        let after = try JSONValue.parse(edit.start + edited[(scan.open + 1)...])
        var expected = JSONObject()
        for (name, value) in coming { _ = expected.append(name.description, .integer(Int64(value))) }
        for member in kept { _ = expected.append(member.name, member.value) }
        try hold(after.object == expected, "another body than the edits make")
        try blanking(body, scan, kept, goes)
    }

    /// As within a member that stays.
    private static func blanking(_ body: [UInt8], _ scan: RequestScan, _ kept: [JSONObject.Member], _ goes: [Bool]) throws {
        var blanked = [0x20] + body
        let places = BodyEdit.places(of: scan.members, from: 1) { goes[$0] }
        blanked.withUnsafeMutableBytes { bytes in places.forEach { BodyEdit.blank($0, in: bytes) } }
        try hold(try JSONValue.parse(blanked).object?.members == kept, "another object than its levers leave")
    }

    private static func quoting(_ bytes: [UInt8]) throws {
        let text = String(decoding: bytes, as: UTF8.self)
        let read = try JSONValue.parse(BodyEdit.quoted(text)).string
        try hold(read.map { Array($0.utf8) } == Array(text.utf8), "a quoted text reads differently")
    }
}
