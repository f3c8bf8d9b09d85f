/// Texts inside a record: one byte of length, then UTF-8. Ids and names are short; what is longer is cut at a character.
enum SpoolText {
    static func encode(_ texts: [String]) -> [UInt8] {
        var bytes: [UInt8] = []
        for text in texts {
            let piece = clipped(text)
            bytes.append(UInt8(piece.utf8.count))
            bytes.append(contentsOf: piece.utf8)
        }
        return bytes
    }

    static func clipped(_ text: String) -> String {
        guard text.utf8.count > 255 else { return text }
        var short = text
        while short.utf8.count > 255 { short.removeLast() }
        return short
    }
}

/// Writes fixed-width little-endian fields into memory that is known to be large enough.
struct FieldWriter {
    private let buffer: UnsafeMutableRawBufferPointer
    private(set) var position = 0

    init(_ buffer: UnsafeMutableRawBufferPointer) {
        self.buffer = buffer
    }

    mutating func put<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        buffer.storeBytes(of: value.littleEndian, toByteOffset: position, as: Value.self)
        position += MemoryLayout<Value>.size
    }

    mutating func put(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { put($0) }
    }

    private mutating func put(_ source: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(rebasing: buffer[position..<position + source.count]).copyMemory(from: source)
        position += source.count
    }

    mutating func put(block bytes: [UInt8]) {
        put(UInt16(bytes.count))
        put(bytes)
    }

    /// What `fill` writes, behind its length (2).
    mutating func put(blockBy fill: (UnsafeMutableRawBufferPointer) -> Int) {
        let count = fill(UnsafeMutableRawBufferPointer(rebasing: buffer[(position + 2)...]))
        put(UInt16(count))
        position += count
    }

    mutating func put(text: String) {
        if text.utf8.count > 255 { return put(text: SpoolText.clipped(text)) }
        put(UInt8(text.utf8.count))
        // A copy that could be changed would count a reference, for each piece of text.
        if text.utf8.withContiguousStorageIfAvailable({ put(UnsafeRawBufferPointer($0)) }) == nil { put(Array(text.utf8)) }
    }
}

/// Reads what `FieldWriter` wrote; every read is checked against the end.
struct FieldReader {
    private let buffer: UnsafeRawBufferPointer
    private var position = 0

    init(_ buffer: UnsafeRawBufferPointer) {
        self.buffer = buffer
    }

    var isAtEnd: Bool { position == buffer.count }

    mutating func take<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type = Value.self) -> Value? {
        let size = MemoryLayout<Value>.size
        guard position + size <= buffer.count else { return nil }
        defer { position += size }
        return Value(littleEndian: buffer.loadUnaligned(fromByteOffset: position, as: Value.self))
    }

    mutating func takeBlock() -> [UInt8]? {
        guard let count = take(UInt16.self), position + Int(count) <= buffer.count else { return nil }
        defer { position += Int(count) }
        return Array(buffer[position..<position + Int(count)])
    }

    mutating func takeText() -> String? {
        guard let count = take(UInt8.self), position + Int(count) <= buffer.count else { return nil }
        defer { position += Int(count) }
        return String(decoding: buffer[position..<position + Int(count)], as: UTF8.self)
    }
}
