import CPlatform
import Glibc

/// Files of the kernel, which have no length and give a page or less with each read.
enum KernelText {
    /// Longest text that is read; `/proc/cpuinfo` of a thousand cores is a tenth of it.
    private static let limit = 16 << 20

    /// Nil when the file cannot be read: a host that hides a file just says less about itself.
    static func read(_ path: String) -> String? {
        let descriptor = cplatform_open(path, O_RDONLY, 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while bytes.count < limit {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { break }
            bytes += piece[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
