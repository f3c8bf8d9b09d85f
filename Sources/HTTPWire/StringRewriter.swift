/// Copies a JSON text with other words in it.
package enum StringRewriter {
    /// - Parameters:
    ///   - bytes: JSON that was validated, from anywhere outside of a string on.
    ///   - change: Gets the name of the member as it is written, empty within an array, and the value of the string with its escapes resolved;
    ///     returns what is to stand there; nil: what stood there.
    /// - Returns: Nil when nothing was changed.
    package static func rewrite(_ bytes: UnsafeRawBufferPointer, change: ([UInt8], [UInt8]) -> [UInt8]?) -> [UInt8]? {
        guard let json = JSONText(bytes) else { return nil }
        var result: [UInt8] = []
        var (at, copied) = (0, 0)
        var (name, place): ([UInt8], Int) = ([], 0)
        while at < json.count {
            guard json.base[at] == UInt8(ascii: "\"") else {
                at += 1
                continue
            }
            guard let end = try? json.stringEnd(at + 1) else { break }
            let range = at + 1..<end.quote
            at = json.skipSpace(end.quote + 1)
            // Names of members stay.
            if at < json.count, json.base[at] == UInt8(ascii: ":") {
                at = json.skipSpace(at + 1)
                (name, place) = (Array(bytes[range]), at)
                continue
            }
            let value = end.hasEscapes ? json.decodedString(range) : Array(bytes[range])
            guard let changed = change(place == range.lowerBound - 1 ? name : [], value) else { continue }
            result += bytes[copied..<range.lowerBound]
            result += BodyEdit.quoted(String(decoding: changed, as: UTF8.self)).dropFirst().dropLast()
            copied = range.upperBound
        }
        guard copied > 0 else { return nil }
        result += bytes[copied...]
        return result
    }

    /// As `rewrite`, and where a text has escapes of its own, as the arguments of a call have, within its strings too.
    package static func rewriteNested(_ bytes: UnsafeRawBufferPointer, change: ([UInt8]) -> [UInt8]?) -> [UInt8]? {
        rewrite(bytes) { _, value in
            let changed = change(value)
            let text = changed ?? value
            guard text.contains(UInt8(ascii: "\\")) else { return changed }
            return text.withUnsafeBytes { raw in rewrite(raw) { _, inner in change(inner) } } ?? changed
        }
    }
}
