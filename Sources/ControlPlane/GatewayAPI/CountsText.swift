import PlimsollWire

/// Counts as JSON of the database: a coder takes far longer over them, and a minute has hundreds of thousands.
enum CountsText {
    static func json(_ counts: [Int: Int64]) -> String { text(counts) { $0 += String($1).utf8 } }

    static func json(_ counts: [String: Int64]) throws -> String {
        let isPlain = counts.keys.allSatisfy { $0.utf8.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") } }
        return isPlain ? text(counts) { $0 += $1.utf8 } : String(decoding: try WireCoder.encode(counts), as: UTF8.self)
    }

    /// As the database writes them.
    static func read(_ json: String) throws -> [String: Int64] { try read(json) { String(decoding: $0, as: UTF8.self) } }

    static func read(_ json: String) throws -> [Int: Int64] { try read(json) { Int(String(decoding: $0, as: UTF8.self)) } }

    @inline(__always)
    private static func read<Name: Hashable & Decodable>(_ json: String, _ name: (UnsafeRawBufferPointer) -> Name?) throws -> [Name: Int64] {
        guard json != "{}" else { return [:] }
        var json = json
        let counts = json.withUTF8 { bytes -> [Name: Int64]? in
            var counts: [Name: Int64] = [:]
            for member in MinuteReading.counts(UnsafeRawBufferPointer(bytes)) ?? [] {
                guard let name = name(member.name) else { return nil }
                counts[name] = member.count
            }
            return counts.isEmpty ? nil : counts
        }
        return try counts ?? WireCoder.decode([Name: Int64].self, from: Array(json.utf8))
    }

    @inline(__always)
    private static func text<Name>(_ counts: [Name: Int64], _ add: (inout [UInt8], Name) -> Void) -> String {
        guard !counts.isEmpty else { return "{}" }
        var text: [UInt8] = []
        text.reserveCapacity(16 * counts.count + 2)
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
