/// Collects what a JSON text says: the values of its strings with their escapes resolved, one a line. Names of members, and values that are no
/// words of a person's (roles, types, ids), are left out.
///
/// What templates of runtimes make of a text is collected beside it: the parts of one message without a gap, arguments of a call without the
/// escapes of the JSON that they are, and within tools and schemas the names that a customer made up.
///
/// Keep one for each event loop: its storage is used again.
package struct TextCollector {
    package private(set) var text: [UInt8] = []
    /// Parts of one message, and how many there were.
    private var message: [UInt8] = []
    private var parts = 0

    package init() {}

    /// - Parameters:
    ///   - bytes: JSON that was validated, from anywhere outside of a string on.
    ///   - removed: Whole members that are passed over, in order.
    package mutating func collect(_ bytes: UnsafeRawBufferPointer, without removed: [Range<Int>] = []) {
        text.removeAll(keepingCapacity: true)
        guard let json = JSONText(bytes) else { return }
        var at = 0
        var name: [UInt8] = []
        // Where the value of the member `name` begins: a string further inside is not it.
        var value = 0
        var depth = 0
        // The depth around the tools or the schema that is being read.
        var schema: Int?
        var holes = removed[...]
        while at < json.count {
            if let hole = holes.first, at >= hole.lowerBound {
                at = max(at, hole.upperBound)
                holes.removeFirst()
                continue
            }
            guard json.base[at] == UInt8(ascii: "\"") else {
                depth += TextCollector.nesting(json.base[at])
                if depth == schema { schema = nil }
                at += 1
                continue
            }
            guard let end = try? json.stringEnd(at + 1) else { break }
            let range = at + 1..<end.quote
            at = json.skipSpace(end.quote + 1)
            if at < json.count, json.base[at] == UInt8(ascii: ":") {
                name = end.hasEscapes ? json.decodedString(range) : Array(bytes[range])
                at = json.skipSpace(at + 1)
                value = at
                if schema != nil { appendName(name) } else if begins(json, at), TextWords.schemas.contains(name) { schema = depth }
                if name.elementsEqual("content".utf8) { endMessage() }
                continue
            }
            if range.lowerBound - 1 != value { name = [] }
            if end.hasEscapes { append(json.decodedString(range), of: name) } else { append(bytes[range], of: name) }
        }
        endMessage()
    }

    private func begins(_ json: JSONText, _ at: Int) -> Bool { at < json.count && TextCollector.nesting(json.base[at]) > 0 }

    @inline(__always)
    private static func nesting(_ byte: UInt8) -> Int {
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "["): 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"): -1
        default: 0
        }
    }

    private mutating func append(_ words: some Collection<UInt8>, of name: [UInt8]) {
        guard !TextWords.isWordless(name, words) else { return }
        appendLine(words)
        if name.elementsEqual("text".utf8) {
            message += words
            parts += 1
        }
        // Templates are given the object that it is.
        guard name.elementsEqual("arguments".utf8), words.contains(UInt8(ascii: "\\")) else { return }
        let plain = Array(words).withUnsafeBytes { JSONText($0)?.decodedString(0..<$0.count) }
        if let plain { appendLine(plain) }
    }

    private mutating func appendName(_ name: [UInt8]) {
        if !TextWords.schemaNames.contains(name) { appendLine(name) }
    }

    private mutating func appendLine(_ words: some Collection<UInt8>) {
        if !text.isEmpty { text.append(0x0A) }
        text += words
    }

    /// Some templates put no byte between the parts of a message.
    private mutating func endMessage() {
        if parts > 1 { appendLine(message) }
        message.removeAll(keepingCapacity: true)
        parts = 0
    }
}
