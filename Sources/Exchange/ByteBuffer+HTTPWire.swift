package import HTTPWire
package import NIOCore

extension ByteBuffer {
    /// Bytes of the head at the front, or nil when it is not all there.
    package func findHead(_ finder: inout HeadFinder) throws(HTTPFault) -> Int? {
        let result: Result<Int?, HTTPFault> = withUnsafeReadableBytes { bytes in
            do throws(HTTPFault) { return .success(try finder.find(bytes)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// The answer's head of `length` bytes at the front, with the text of its refusal.
    func scanResponseHead(_ length: Int) throws(HTTPFault) -> (ResponseHead, String?) {
        let result: Result<(ResponseHead, String?), HTTPFault> = withUnsafeReadableBytes { bytes in
            let line = UnsafeRawBufferPointer(rebasing: bytes[..<length])
            do throws(HTTPFault) {
                let head = try ResponseHead.scan(line)
                return .success((head, head.refusal.map { String(decoding: line[$0], as: UTF8.self) }))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    package func nextChunk(_ decoder: inout ChunkedDecoder) throws(HTTPFault) -> ChunkedDecoder.Step {
        let result: Result<ChunkedDecoder.Step, HTTPFault> = withUnsafeReadableBytes { bytes in
            do throws(HTTPFault) { return .success(try decoder.next(bytes, from: 0)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// Writes a number in decimal digits without making a string.
    package mutating func writeDecimal(_ value: Int) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: 20) { buffer in
            var rest = value.magnitude
            var start = 20
            repeat {
                start -= 1
                buffer[start] = UInt8(truncatingIfNeeded: rest % 10) &+ 0x30
                rest /= 10
            } while rest > 0
            let length = 20 - start
            for offset in 0..<length { buffer[offset] = buffer[start + offset] }
            return length
        }
    }
}
