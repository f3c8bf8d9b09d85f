import COpenSSL

/// One of OpenSSL's memory streams, which its PEM functions read and write.
final class MemoryBuffer {
    let pointer: OpaquePointer

    /// Empty, to be written to.
    init() throws(CryptographyError) {
        guard let pointer = BIO_new(BIO_s_mem()) else { throw .fromQueue(.library, "no memory for a stream") }
        self.pointer = pointer
    }

    /// Holds a copy of the bytes, to be read.
    convenience init(_ bytes: [UInt8]) throws(CryptographyError) {
        try self.init()
        guard bytes.isEmpty || BIO_write(pointer, bytes, Int32(bytes.count)) == Int32(bytes.count) else {
            throw .fromQueue(.library, "no memory for a stream")
        }
    }

    deinit {
        BIO_free(pointer)
    }

    var text: String {
        var start: UnsafePointer<CChar>?
        let count = plimsoll_bio_bytes(pointer, &start)
        guard count > 0, let start else { return "" }
        return String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
    }
}
