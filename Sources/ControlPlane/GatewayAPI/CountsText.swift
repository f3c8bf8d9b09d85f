import PlimsollWire

/// Counts as JSON of the database: a coder takes far longer over them, and a minute has hundreds of thousands.
enum CountsText {
    static func json(_ counts: BucketCounts) -> String { text(counts.count, counts) { $0 += String($1).utf8 } }

    static func json(_ counts: [String: Int64]) throws -> String {
        let isPlain = counts.keys.allSatisfy { $0.utf8.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") } }
        guard isPlain else { return String(decoding: try WireCoder.encode(counts), as: UTF8.self) }
        return text(counts.count, counts.lazy.map { ($0.key, $0.value) }) { $0 += $1.utf8 }
    }

    /// As the database writes them.
    static func outcomes(_ json: String) throws -> [String: Int64] {
        let plain = members(json) { String(decoding: $0, as: UTF8.self) }
        return try plain.map { Dictionary($0) { _, last in last } } ?? WireCoder.decode([String: Int64].self, from: Array(json.utf8))
    }

    /// As the database writes them, in its order: that of the indices.
    static func buckets(_ json: String) throws -> [(Int, Int64)] {
        try members(json) { Int(String(decoding: $0, as: UTF8.self)) }
            ?? WireCoder.decode([Int: Int64].self, from: Array(json.utf8)).map { ($0.key, $0.value) }
    }

    /// Nil: they are written otherwise.
    @inline(__always)
    private static func members<Name>(_ json: String, _ name: (UnsafeRawBufferPointer) -> Name?) -> [(Name, Int64)]? {
        guard json != "{}" else { return [] }
        var json = json
        return json.withUTF8 { bytes in
            guard let members = MinuteReading.counts(UnsafeRawBufferPointer(bytes)) else { return nil }
            var counts: [(Name, Int64)] = []
            counts.reserveCapacity(members.count)
            for member in members {
                guard let name = name(member.name) else { return nil }
                counts.append((name, member.count))
            }
            return counts
        }
    }

    @inline(__always)
    private static func text<Name>(_ size: Int, _ counts: some Sequence<(Name, Int64)>, _ add: (inout [UInt8], Name) -> Void) -> String {
        guard size > 0 else { return "{}" }
        var text: [UInt8] = []
        text.reserveCapacity(16 * size + 2)
        for (name, count) in counts {
            text.append(text.isEmpty ? UInt8(ascii: "{") : UInt8(ascii: ","))
            text.append(UInt8(ascii: "\""))
            add(&text, name)
            text += "\":".utf8
            text += String(count).utf8
        }
        text.append(UInt8(ascii: "}"))
        return String(decoding: text, as: UTF8.self)
    }
}
