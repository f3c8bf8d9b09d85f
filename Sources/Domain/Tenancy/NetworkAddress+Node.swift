extension NetworkAddress {
    /// A node as proxies write it into `forwarded` and `x-forwarded-for`: an address, with brackets and a port or without (RFC 7239, section 6).
    /// Nil for `unknown`, for hidden names and for whatever else is no address.
    package init?(node text: some StringProtocol) {
        let (host, rest): (Substring, Substring)
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { return nil }
            (host, rest) = (Substring(text[text.index(after: text.startIndex)..<end]), Substring(text[text.index(after: end)...]))
            guard host.contains(":") else { return nil }
        } else if let colon = text.firstIndex(of: ":"), text[text.index(after: colon)...].contains(":") {
            (host, rest) = (Substring(text), "")
        } else {
            let end = text.firstIndex(of: ":") ?? text.endIndex
            (host, rest) = (Substring(text[..<end]), Substring(text[end...]))
        }
        guard Self.isPort(rest) else { return nil }
        self.init(host)
    }

    /// Nothing, or a colon and a number or a hidden name.
    private static func isPort(_ text: Substring) -> Bool {
        guard !text.isEmpty else { return true }
        let port = text.dropFirst().utf8
        guard text.first == ":", (1...64).contains(port.count) else { return false }
        if port.first == UInt8(ascii: "_") { return port.allSatisfy { $0 > 0x20 && $0 < 0x7F } }
        return port.count <= 5 && port.allSatisfy { (0x30...0x39).contains($0) }
    }
}
