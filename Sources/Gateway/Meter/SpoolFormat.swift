import CPlatform
import Domain

/// How records lie in a segment file: mark, length, checksum, payload. All integers little-endian.
///
/// The mark and the checksum let a reader find the next whole record behind damage, so that one bad bit costs one record.
enum SpoolFormat {
    static let mark: UInt16 = 0x5350
    /// Mark (2), length of the payload (4), checksum over payload and length (4).
    static let headerSize = 10
    static let largestPayload = 8192

    enum Kind: UInt8 {
        case segment = 1
        case admission = 2
        case final = 3
    }

    /// Bytes that a record with these fields cannot exceed, header included.
    static func bound(_ fixed: Int, _ variable: Int...) -> Int {
        headerSize + fixed + variable.reduce(0, +)
    }

    /// Fills in the header of a record whose payload of `count` bytes already stands at offset `headerSize`.
    static func seal(_ record: UnsafeMutableRawBufferPointer, payload count: Int) {
        var header = FieldWriter(record)
        header.put(mark)
        header.put(UInt32(count))
        header.put(checksum(UnsafeRawBufferPointer(rebasing: record[headerSize..<headerSize + count])))
    }

    /// The length is inside the checksum through its bits being mixed in, so that a changed length is noticed too.
    static func checksum(_ payload: UnsafeRawBufferPointer) -> UInt32 {
        var state = ~UInt32(0)
        let done = cplatform_crc32(payload.baseAddress, payload.count, &state)
        let crc = ~CRC32.update(state, UnsafeRawBufferPointer(rebasing: payload[done...]))
        return crc ^ UInt32(truncatingIfNeeded: payload.count) &* 0x9e37_79b1
    }
}

/// Walks over the bytes of a segment and tells whole records from damage.
struct SpoolScan {
    enum Step: Equatable {
        /// A whole record's payload.
        case record(Range<Int>)
        /// Bytes that hold no whole record, followed by at least one that is whole.
        case damage(Range<Int>)
        /// The rest holds no whole record. It is what an interrupted write leaves when `isTorn`, else damage.
        case tail(Range<Int>, isTorn: Bool)
        case end
    }

    private let bytes: UnsafeRawBufferPointer
    private(set) var position: Int

    init(_ bytes: UnsafeRawBufferPointer, from position: Int = 0) {
        self.bytes = bytes
        self.position = position
    }

    mutating func next() -> Step {
        let start = position
        guard start < bytes.count else { return .end }
        if let payload = wholeRecord(at: start) {
            position = payload.upperBound
            return .record(payload)
        }
        guard let resumed = nextWholeRecord(after: start) else {
            position = bytes.count
            return .tail(start..<bytes.count, isTorn: isCutShort(at: start))
        }
        position = resumed
        return .damage(start..<resumed)
    }

    private func length(at offset: Int) -> Int? {
        guard offset + SpoolFormat.headerSize <= bytes.count else { return nil }
        guard UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self)) == SpoolFormat.mark else { return nil }
        let length = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 2, as: UInt32.self)))
        return (1...SpoolFormat.largestPayload).contains(length) ? length : nil
    }

    private func wholeRecord(at offset: Int) -> Range<Int>? {
        guard let length = length(at: offset) else { return nil }
        let payload = offset + SpoolFormat.headerSize..<offset + SpoolFormat.headerSize + length
        guard payload.upperBound <= bytes.count else { return nil }
        let stored = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 6, as: UInt32.self))
        return SpoolFormat.checksum(UnsafeRawBufferPointer(rebasing: bytes[payload])) == stored ? payload : nil
    }

    private func nextWholeRecord(after offset: Int) -> Int? {
        guard offset + 1 < bytes.count else { return nil }
        return (offset + 1..<bytes.count).first { wholeRecord(at: $0) != nil }
    }

    /// Less than a header, or a sound header whose payload ends beyond the file.
    private func isCutShort(at offset: Int) -> Bool {
        guard offset + SpoolFormat.headerSize <= bytes.count else { return true }
        guard let length = length(at: offset) else { return false }
        return offset + SpoolFormat.headerSize + length > bytes.count
    }
}
