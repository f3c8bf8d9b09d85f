/// Reads values out of bytes that come in pieces.
protocol ByteReader {
    /// Reads as far as it can and returns how many bytes it is done with; the others come again with more behind them.
    mutating func read(_ bytes: UnsafeRawBufferPointer) -> Int
}

/// Joins new bytes to those that were left over. Nearly always nothing is left over, and then nothing is copied.
struct Inlet {
    private var rest: [UInt8] = []

    // Pointers, because the bytes lie in the one buffer that every connection of a program reads into, and nobody keeps them.
    mutating func pass(_ bytes: UnsafeRawBufferPointer, to reader: inout some ByteReader) {
        guard !rest.isEmpty else {
            let used = reader.read(bytes)
            if used < bytes.count { rest.append(contentsOf: bytes[used...]) }
            return
        }
        rest.append(contentsOf: bytes)
        let used = rest.withUnsafeBytes { reader.read($0) }
        rest.removeFirst(used)
    }
}

/// The one buffer of a program into which the kernel copies what came.
final class ReceiveBuffer {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)

    deinit {
        bytes.deallocate()
    }

    /// What came, until the next call; nil when the connection is gone.
    func receive(from socket: Socket) -> UnsafeRawBufferPointer? {
        switch socket.receive(into: bytes) {
        case .bytes(let count): UnsafeRawBufferPointer(rebasing: bytes[..<count])
        case .later: UnsafeRawBufferPointer(rebasing: bytes[..<0])
        case .gone: nil
        }
    }
}
