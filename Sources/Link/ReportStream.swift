import NIOCore
import NIOHTTP2

/// Splits the bytes of an agent's report stream into lines.
struct ReportStream {
    static let longestLine = 64 * 1024
    private static let giveEvery = 64 * 1024

    let id: HTTP2StreamID
    private var rest = ByteBuffer()
    private var unreturned = 0

    init(id: HTTP2StreamID) {
        self.id = id
    }

    /// Bytes of window to give back now, if it is worth a frame.
    mutating func consumed(_ size: Int) -> Int? {
        unreturned += size
        guard unreturned >= Self.giveEvery else { return nil }
        defer { unreturned = 0 }
        return unreturned
    }

    /// The lines that are complete now; nil when one is too long.
    mutating func lines(_ bytes: ByteBuffer) -> [ByteBuffer]? {
        if rest.readableBytes == 0 {
            rest = bytes
        } else {
            rest.writeImmutableBuffer(bytes)
        }
        var lines: [ByteBuffer] = []
        while let length = rest.readableBytesView.firstIndex(of: UInt8(ascii: "\n")).map({ $0 - rest.readerIndex }) {
            guard length <= Self.longestLine, let line = rest.readSlice(length: length) else { return nil }
            rest.moveReaderIndex(forwardBy: 1)
            if length > 0 { lines.append(line) }
        }
        guard rest.readableBytes <= Self.longestLine else { return nil }
        rest.discardReadBytes()
        return lines
    }
}
