import CPlatform
import Glibc

/// Files of the kernel, which have no length and give a page or less with each read.
package enum KernelText {
    /// Longest text that is read; `/proc/cpuinfo` of a thousand cores is a tenth of it.
    private static let limit = 16 << 20

    /// What the kernel calls this start of the machine, which a copy of it does not share; empty where it does not say.
    package static var bootId: String {
        (read("/proc/sys/kernel/random/boot_id") ?? "").filter { !$0.isWhitespace }
    }

    /// Nil when the file cannot be read: a host that hides a file just says less about itself.
    package static func read(_ path: String) -> String? {
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
