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

    /// Lets `write` put text into room for `bound` bytes.
    package mutating func writeText(atMost bound: Int, _ write: (inout TextWriter) -> Void) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { memory in
            guard let start = memory.bindMemory(to: UInt8.self).baseAddress else { return 0 }
            var writer = TextWriter(start, size: bound)
            write(&writer)
            return writer.count
        }
    }
}
