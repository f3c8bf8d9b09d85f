/// What a `content-type` says of a body.
package enum MediaType {
    /// `application/json`, with no parameter but `charset=utf-8` (RFC 9110, section 8.3; names and this value in any case).
    package static func isJSON(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        // As nearly every client writes it.
        if HeadBytes.equal(bytes, range, ignoringCase: "application/json") { return true }
        var parts = bytes[range].split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)[...]
        guard let type = parts.popFirst(), HeadBytes.equal(bytes, trimmed(type), ignoringCase: "application/json") else { return false }
        return parts.allSatisfy { part in
            let parameter = trimmed(part)
            return parameter.isEmpty || HeadBytes.equal(bytes, parameter, ignoringCase: "charset=utf-8")
                || HeadBytes.equal(bytes, parameter, ignoringCase: "charset=\"utf-8\"")
        }
    }

    private static func trimmed(_ part: Slice<UnsafeRawBufferPointer>) -> Range<Int> {
        var range = part.startIndex..<part.endIndex
        while !range.isEmpty, isSpace(part[range.lowerBound]) { range = range.lowerBound + 1..<range.upperBound }
        while !range.isEmpty, isSpace(part[range.upperBound - 1]) { range = range.lowerBound..<range.upperBound - 1 }
        return range
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
