/// The value of a host field, or the authority of a target.
enum HostField {
    /// RFC 3986, section 3.2.2: a name of letters, digits and `-._~`, or an IPv6 address in brackets, and perhaps a port. Escapes, sub-delimiters
    /// and user information, which no customer's host has and peers read differently, are refused.
    static func isValid(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        guard (1...255).contains(range.count) else { return false }
        var at = range.lowerBound
        if bytes[at] == UInt8(ascii: "[") {
            at += 1
            let start = at
            while at < range.upperBound, isAddress(bytes[at]) { at &+= 1 }
            guard at - start >= 2, at < range.upperBound, bytes[at] == UInt8(ascii: "]") else { return false }
            at += 1
        } else {
            let start = at
            while at < range.upperBound, isName(bytes[at]) { at &+= 1 }
            guard at > start else { return false }
        }
        return at == range.upperBound || isPort(bytes, at..<range.upperBound)
    }

    /// A colon and up to five digits. None at all is allowed there.
    private static func isPort(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        guard bytes[range.lowerBound] == UInt8(ascii: ":"), range.count <= 6 else { return false }
        var port = 0
        for at in range.dropFirst() {
            guard bytes[at] >= 0x30, bytes[at] <= 0x39 else { return false }
            port = port * 10 + Int(bytes[at] - 0x30)
        }
        return port <= 65_535
    }

    @inline(__always)
    private static func isName(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
        default: false
        }
    }

    @inline(__always)
    private static func isAddress(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x3A, 0x41...0x46, 0x61...0x66, UInt8(ascii: "."): true
        default: false
        }
    }
}
