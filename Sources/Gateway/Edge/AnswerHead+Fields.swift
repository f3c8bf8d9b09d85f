import NIOCore
import NIOHPACK

extension AnswerHead {
    /// As HTTP/2 says it: the fields that HTTP/1.1 would have, read back, so that the two never differ.
    ///
    /// - Parameters:
    ///   - length: Bytes of the body; nil for a stream.
    ///   - strictTransport: See `write`.
    ///   - scratch: Used and left behind.
    func fields(length: Int?, strictTransport: Int, using scratch: inout ByteBuffer) -> HPACKHeaders {
        scratch.clear(minimumCapacity: 1024)
        write(length.map { .bytes($0) } ?? .untilClose, keepAlive: true, strictTransport: strictTransport, to: &scratch)
        var fields = HPACKHeaders()
        fields.reserveCapacity(12)
        fields.add(name: ":status", value: String(status))
        scratch.withUnsafeReadableBytes { bytes in
            var lines = bytes.split(separator: UInt8(ascii: "\n")).dropFirst()[...]
            while let line = lines.popFirst(), let colon = line.firstIndex(of: UInt8(ascii: ":")) {
                let name = String(decoding: line[..<colon], as: UTF8.self)
                // Behind the colon stands a space, at the end a carriage return.
                let value = String(decoding: line[(colon + 2)..<(line.endIndex - 1)], as: UTF8.self)
                // What differs from answer to answer has no place in the peer's table.
                let isKept = AnswerHead.alike.contains(name)
                fields.add(name: name, value: value, indexing: isKept ? .indexable : .nonIndexable)
            }
        }
        return fields
    }

    private static let alike: Set<String> = ["content-type", "cache-control", "x-accel-buffering", "strict-transport-security"]
}
