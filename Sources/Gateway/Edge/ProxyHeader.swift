import Domain

/// What a proxy says in front of a connection's own bytes: the PROXY protocol, versions 1 and 2 (HAProxy, doc/proxy-protocol.txt, 2020/03/05).
struct ProxyHeader: Equatable {
    enum Reading: Equatable {
        /// It is not all there yet.
        case incomplete
        case whole(ProxyHeader)
        /// It is none, or longer than any of them is.
        case refused
    }

    /// For whom the proxy connects; nil: for itself, or for somebody without an address of the Internet.
    var source: NetworkAddress?
    /// Bytes that it takes.
    var length: Int

    /// Of version 1, with its line end (section 2.1).
    static let longestLine = 107
    /// Of version 2, extensions included.
    static let longestBinary = 4096

    private static let signature = Array("\r\n\r\n\0\r\nQUIT\n".utf8)
    private static let word = Array("PROXY ".utf8)

    /// - Parameter bytes: All that has come so far.
    static func read(_ bytes: UnsafeRawBufferPointer) -> Reading {
        if signature.starts(with: bytes.prefix(signature.count)) { return bytes.count < 16 ? .incomplete : binary(bytes) }
        if word.starts(with: bytes.prefix(word.count)) { return line(bytes) }
        return .refused
    }

    // MARK: Version 1

    private static func line(_ bytes: UnsafeRawBufferPointer) -> Reading {
        let start = bytes.prefix(longestLine)
        guard let feed = start.firstIndex(of: 0x0A) else { return bytes.count < longestLine ? .incomplete : .refused }
        guard feed > word.count, bytes[feed - 1] == 0x0D, start[..<feed].allSatisfy({ $0 < 0x7F && ($0 >= 0x20 || $0 == 0x0D) }) else {
            return .refused
        }
        let text = String(decoding: bytes[word.count..<feed - 1], as: UTF8.self)
        // What stands behind it is to be ignored.
        if text == "UNKNOWN" || text.hasPrefix("UNKNOWN ") { return .whole(ProxyHeader(source: nil, length: feed + 1)) }
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0] == "TCP4" || parts[0] == "TCP6", isPort(parts[3]), isPort(parts[4]) else { return .refused }
        guard parts[1...2].allSatisfy({ $0.contains(":") == (parts[0] == "TCP6") }), NetworkAddress(parts[2]) != nil,
            let source = NetworkAddress(parts[1])
        else { return .refused }
        return .whole(ProxyHeader(source: source, length: feed + 1))
    }

    private static func isPort(_ text: Substring) -> Bool {
        guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return false }
        return UInt16(text) != nil && (text == "0" || text.first != "0")
    }

    // MARK: Version 2

    private static func binary(_ bytes: UnsafeRawBufferPointer) -> Reading {
        let body = Int(bytes[14]) << 8 | Int(bytes[15])
        // Version 2 with LOCAL or PROXY.
        guard bytes[12] == 0x20 || bytes[12] == 0x21, 16 + body <= longestBinary else { return .refused }
        guard let addresses = addressBytes(bytes[13]) else { return .refused }
        let isLocal = bytes[12] == 0x20
        guard isLocal || addresses <= body else { return .refused }
        guard bytes.count >= 16 + body else { return .incomplete }
        let whole = UnsafeRawBufferPointer(rebasing: bytes[16..<16 + body])
        // The family of a connection of the proxy's own says nothing.
        guard !isLocal else { return .whole(ProxyHeader(source: nil, length: 16 + body)) }
        guard areExtensions(whole[addresses...]) else { return .refused }
        return .whole(ProxyHeader(source: source(whole, addresses), length: 16 + body))
    }

    /// Bytes of both addresses and ports. Nil for what no connection of TCP or of a Unix socket is.
    private static func addressBytes(_ family: UInt8) -> Int? {
        switch family {
        case 0x00: 0
        case 0x11: 12
        case 0x21: 36
        case 0x31: 216
        default: nil
        }
    }

    private static func source(_ bytes: UnsafeRawBufferPointer, _ addresses: Int) -> NetworkAddress? {
        switch addresses {
        case 12: NetworkAddress(version4: UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self)))
        case 36: NetworkAddress(version6: UInt128(bigEndian: bytes.loadUnaligned(as: UInt128.self)))
        default: nil
        }
    }

    /// Each a type, its length in two bytes, and that many (section 2.2). What they say is not needed.
    private static func areExtensions(_ bytes: Slice<UnsafeRawBufferPointer>) -> Bool {
        var rest = bytes
        while rest.count >= 3 {
            let length = Int(rest[rest.startIndex + 1]) << 8 | Int(rest[rest.startIndex + 2])
            guard rest.count >= 3 + length else { return false }
            rest = rest.dropFirst(3 + length)
        }
        return rest.isEmpty
    }
}
