/// Edits of the object at the top of a request's body, made in place.
///
/// Members that go are overwritten with spaces, and everything that comes is put into `start`, which is sent in front of the rest of the
/// client's own bytes (from `restOffset`). So a long body is never copied, and what was checked is what is sent. A value is replaced by
/// removing its member and inserting it anew. Keep one for each event loop: its storage is used again.
package struct BodyEdit {
    /// `{` and the inserted members, each followed by what it needs.
    package private(set) var start: [UInt8] = []
    private var hasInsertions = false

    package init(capacity: Int = 192) {
        start.reserveCapacity(capacity)
        begin()
    }

    /// Forgets what was inserted, for the next body.
    package mutating func begin() {
        start.removeAll(keepingCapacity: true)
        start.append(UInt8(ascii: "{"))
        hasInsertions = false
    }

    /// `name` is put as it is and must need no escapes; `json` is a value.
    package mutating func insert(_ name: StaticString, json: [UInt8]) {
        insert(name)
        json.withUnsafeBufferPointer { start.append(contentsOf: $0) }
    }

    /// - Parameter integer: At least 0.
    package mutating func insert(_ name: StaticString, integer: Int) {
        precondition(integer >= 0, "only counts are inserted")
        insert(name)
        var power = 1
        while integer / power > 9 { power *= 10 }
        while power > 0 {
            start.append(UInt8(ascii: "0") + UInt8(integer / power % 10))
            power /= 10
        }
    }

    private mutating func insert(_ name: StaticString) {
        if hasInsertions { start.append(UInt8(ascii: ",")) }
        hasInsertions = true
        start.append(UInt8(ascii: "\""))
        start.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        start.append(UInt8(ascii: "\""))
        start.append(UInt8(ascii: ":"))
    }

    /// Call after all insertions, and after `remove` has been done for all that go: `start` joins the rest.
    ///
    /// - Parameter restHasMembers: whether any member stayed.
    package mutating func finish(restHasMembers: Bool) {
        if hasInsertions, restHasMembers { start.append(UInt8(ascii: ",")) }
    }

    /// Overwrites the members for which `goes` is true. Returns whether any member stayed.
    ///
    /// Every member that stays keeps the comma in front of it, but for the first of them, since `start` brings its own.
    package static func remove(
        _ members: [JSONMember], from bytes: UnsafeMutableRawBufferPointer, where goes: (Int) -> Bool
    ) -> Bool {
        eachPlace(of: members, where: goes) { blank($0, in: bytes) }
    }

    /// Places to overwrite, so that the members of an object inside a body for which `goes` is true are gone.
    ///
    /// - Parameter offset: Where the bytes begin in the body that the object was scanned in.
    package static func places(of members: [JSONMember], from offset: Int, where goes: (Int) -> Bool) -> [Range<Int>] {
        var places: [Range<Int>] = []
        _ = eachPlace(of: members, where: goes) { places.append(offset + $0.lowerBound..<offset + $0.upperBound) }
        return places
    }

    package static func blank(_ place: Range<Int>, in bytes: UnsafeMutableRawBufferPointer) {
        for at in place { bytes[at] = 0x20 }
    }

    @inline(__always)
    private static func eachPlace(of members: [JSONMember], where goes: (Int) -> Bool, _ body: (Range<Int>) -> Void) -> Bool {
        var kept = false
        for (index, member) in members.enumerated() {
            let leaves = goes(index)
            if let comma = member.comma, leaves || !kept { body(comma..<comma + 1) }
            if leaves { body(member.start..<member.value.upperBound) } else { kept = true }
        }
        return kept
    }

    /// A JSON string with this text.
    package static func quoted(_ text: String) -> [UInt8] {
        let text = Array(text.utf8)
        var result: [UInt8] = [UInt8(ascii: "\"")]
        result.reserveCapacity(text.count + 2)
        let digits: StaticString = "0123456789abcdef"
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                result.append(UInt8(ascii: "\\"))
                result.append(byte)
            case 0..<0x20:
                result.append(contentsOf: Array("\\u00".utf8))
                result.append(digits.utf8Start[Int(byte >> 4)])
                result.append(digits.utf8Start[Int(byte & 15)])
            default: result.append(byte)
            }
        }
        result.append(UInt8(ascii: "\""))
        return result
    }
}
