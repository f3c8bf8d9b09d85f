import Glibc
import Testing

@testable import Gateway

/// A file that this process has open.
enum OpenFile {
    /// From now on its descriptor is `other`, which is closed.
    static func replace(_ path: String, by other: Int32) throws {
        var name = [CChar](repeating: 0, count: 4096)
        // Tests beside this one may have thousands open.
        for descriptor in Int32(3)..<65_536 {
            let count = readlink("/proc/self/fd/\(descriptor)", &name, name.count)
            guard count > 0, String(decoding: name[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self) == path else { continue }
            try #require(dup2(other, descriptor) == descriptor)
            close(other)
            return
        }
        throw MeterError(.file, "no descriptor for \(path)")
    }
}
