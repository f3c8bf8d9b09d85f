import Foundation
import Glibc

/// Finds room for an installation: a base at which every port that it will use is free now.
package enum FreePorts {
    private static let offsets = [0, 1, 100, 101, 102, 110, 111, 112, 120, 121, 122, 130, 131, 132, 200, 202, 210, 212, 222, 232, 242, 252]

    package static func base() throws -> Int {
        for _ in 0..<100 {
            let base = Int.random(in: 150...320) * 100
            // Below the ports that the kernel gives to clients.
            if offsets.allSatisfy({ isFree(base + $0) }) { return base }
        }
        throw Waiting.Timeout(description: "no free range of ports")
    }

    private static func isFree(_ port: Int) -> Bool {
        let handle = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard handle >= 0 else { return false }
        defer { close(handle) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(handle, $0, size) == 0 }
        }
    }
}
