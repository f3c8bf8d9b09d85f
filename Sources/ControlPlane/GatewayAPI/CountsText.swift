import PlimsollWire

/// Counts as JSON for the database: an encoder takes far longer over them, and a minute has hundreds of thousands.
enum CountsText {
    static func json(_ counts: [Int: Int64]) -> String { text(counts) { $0 += String($1).utf8 } }

    static func json(_ counts: [String: Int64]) throws -> String {
        let isPlain = counts.keys.allSatisfy { $0.utf8.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") } }
        return isPlain ? text(counts) { $0 += $1.utf8 } : String(decoding: try WireCoder.encode(counts), as: UTF8.self)
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
