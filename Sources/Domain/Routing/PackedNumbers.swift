/// Writes small numbers in few bytes into memory that is known to be large enough.
struct PackedWriter {
    private let memory: UnsafeMutableRawBufferPointer
    private(set) var position = 0

    init(_ memory: UnsafeMutableRawBufferPointer) {
        self.memory = memory
    }

    mutating func put(byte: UInt8) {
        memory[position] = byte
        position += 1
    }

    mutating func put(_ word: UInt64) {
        memory.storeBytes(of: word.littleEndian, toByteOffset: position, as: UInt64.self)
        position += 8
    }

    /// Seven bits in each byte, the lowest first; what is negative counts as 0.
    mutating func put(_ number: Int) {
        var rest = UInt64(max(number, 0))
        while rest >= 0x80 {
            put(byte: UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        put(byte: UInt8(truncatingIfNeeded: rest))
    }
}

/// Reads what `PackedWriter` wrote; every read is checked against the end.
struct PackedReader {
    private let memory: UnsafeRawBufferPointer
    private var position = 0

    init(_ memory: UnsafeRawBufferPointer) {
        self.memory = memory
    }

    var isAtEnd: Bool { position == memory.count }

    mutating func takeByte() -> UInt8? {
        guard position < memory.count else { return nil }
        defer { position += 1 }
        return memory[position]
    }

    mutating func takeWord() -> UInt64? {
        guard position + 8 <= memory.count else { return nil }
        defer { position += 8 }
        return UInt64(littleEndian: memory.loadUnaligned(fromByteOffset: position, as: UInt64.self))
    }

    /// Nil for what is longer than 63 bits.
    mutating func take() -> Int? {
        var number = 0
        for place in 0..<9 {
            guard let byte = takeByte() else { return nil }
            number |= Int(byte & 0x7f) << (7 * place)
            if byte < 0x80 { return number }
        }
        return nil
    }
}
