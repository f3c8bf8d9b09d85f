/// Collects what a JSON text says: the values of its strings with their escapes resolved, one a line. Names of members, and values that are no
/// words of a person's (roles, types, names of models), are left out.
///
/// Keep one for each event loop: its storage is used again.
package struct TextCollector {
    package private(set) var text: [UInt8] = []
    private static let wordless: Set<[UInt8]> = Set(
        ["role", "type", "model", "id", "tool_call_id", "object", "cache_salt", "encoding_format"].map { Array($0.utf8) })

    package init() {}

    /// - Parameters:
    ///   - bytes: JSON that was validated, from anywhere outside of a string on.
    ///   - removed: Whole members that are passed over, in order.
    package mutating func collect(_ bytes: UnsafeRawBufferPointer, without removed: [Range<Int>] = []) {
        text.removeAll(keepingCapacity: true)
        guard let json = JSONText(bytes) else { return }
        var at = 0
        var name: Range<Int>?
        // Where the value of the member `name` begins: a string further inside is not it.
        var value = 0
        var holes = removed[...]
        while at < json.count {
            if let hole = holes.first, at >= hole.lowerBound {
                at = max(at, hole.upperBound)
                holes.removeFirst()
                continue
            }
            guard json.base[at] == UInt8(ascii: "\"") else {
                at += 1
                continue
            }
            guard let end = try? json.stringEnd(at + 1) else { return }
            let range = at + 1..<end.quote
            at = json.skipSpace(end.quote + 1)
            if at < json.count, json.base[at] == UInt8(ascii: ":") {
                name = range
                at = json.skipSpace(at + 1)
                value = at
                continue
            }
            if range.lowerBound - 1 != value || !isWordless(name, bytes) { append(range, end.hasEscapes, json, bytes) }
            name = nil
        }
    }

    private func isWordless(_ name: Range<Int>?, _ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let name, name.count <= 15 else { return false }
        return Self.wordless.contains(Array(bytes[name]))
    }

    private mutating func append(_ range: Range<Int>, _ hasEscapes: Bool, _ json: JSONText, _ bytes: UnsafeRawBufferPointer) {
        if !text.isEmpty { text.append(0x0A) }
        if hasEscapes { text += json.decodedString(range) } else { text += bytes[range] }
    }
}
