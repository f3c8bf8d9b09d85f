import Glibc

/// Subject alternative names as OpenSSL's configuration text, from parts that were checked character by character.
package enum CertificateNames {
    static func text(identity: PeerIdentity, dnsNames: [String], addresses: [String]) throws(CryptographyError) -> String {
        var names = ["URI:\(identity)"]
        for name in dnsNames {
            guard isDNSName(name) else { throw CryptographyError(.invalidName, "not a DNS name: \(name.debugDescription)") }
            names.append("DNS:\(name)")
        }
        for address in addresses {
            guard isAddress(address) else { throw CryptographyError(.invalidName, "not an IP address: \(address.debugDescription)") }
            names.append("IP:\(address)")
        }
        return names.joined(separator: ",")
    }

    /// True for a literal IPv4 or IPv6 address.
    package static func isAddress(_ text: String) -> Bool {
        var storage = in6_addr()
        return inet_pton(AF_INET, text, &storage) == 1 || inet_pton(AF_INET6, text, &storage) == 1
    }

    package static func isDNSName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 253
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
                case UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"): true
                default: false
                }
            }
    }
}
