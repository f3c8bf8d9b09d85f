import Domain
import Glibc

extension NetworkAddress {
    /// Nil for sockets without one.
    init?(_ address: UnsafePointer<sockaddr>?) {
        guard let address else { return nil }
        let bytes = UnsafeRawPointer(address)
        // Behind family and port of `sockaddr_in`, and the flow too of `sockaddr_in6`.
        switch Int32(address.pointee.sa_family) {
        case AF_INET: self.init(version4: UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
        case AF_INET6: self.init(version6: UInt128(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt128.self)))
        default: return nil
        }
    }
}
