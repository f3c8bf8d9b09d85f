/// CRC-32 as in ISO 3309 and zlib: polynomial 0xEDB88320 reflected, initial value and final complement all ones.
package enum CRC32 {
    /// Eight tables of 256, so that eight bytes are folded at a time.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var value = UInt32(byte)
            for _ in 0..<8 {
                value = value & 1 == 1 ? value >> 1 ^ 0xedb8_8320 : value >> 1
            }
            tables[byte] = value
        }
        for index in 256..<2048 {
            let previous = tables[index - 256]
            tables[index] = previous >> 8 ^ tables[Int(previous & 0xff)]
        }
        return tables
    }()

    package static func checksum(_ bytes: some Collection<UInt8>) -> UInt32 {
        let direct = bytes.withContiguousStorageIfAvailable { checksum(UnsafeRawBufferPointer($0)) }
        return direct ?? Array(bytes).withUnsafeBytes { checksum($0) }
    }

    package static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        ~update(~0, bytes)
    }

    /// - Parameter state: All ones before the first byte; its complement is the checksum of what came so far.
    package static func update(_ state: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
        tables.withUnsafeBufferPointer { table in
            var crc = state
            var position = 0
            while position + 8 <= bytes.count {
                let low = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self)) ^ crc
                let high = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position + 4, as: UInt32.self))
                crc = fold(low, table, 7) ^ fold(high, table, 3)
                position += 8
            }
            while position < bytes.count {
                crc = crc >> 8 ^ table[Int(UInt8(truncatingIfNeeded: crc) ^ bytes[position])]
                position += 1
            }
            return crc
        }
    }

    @inline(__always)
    private static func fold(_ word: UInt32, _ table: UnsafeBufferPointer<UInt32>, _ top: Int) -> UInt32 {
        table[top << 8 | Int(word & 0xff)] ^ table[(top - 1) << 8 | Int(word >> 8 & 0xff)]
            ^ table[(top - 2) << 8 | Int(word >> 16 & 0xff)] ^ table[(top - 3) << 8 | Int(word >> 24)]
    }
}
