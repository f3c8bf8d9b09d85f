import Domain
import Testing

@testable import Gateway

@Suite struct ProxyHeaderTests {
    private func read(_ bytes: [UInt8]) -> ProxyHeader.Reading { bytes.withUnsafeBytes(ProxyHeader.read) }

    @Test(arguments: [
        ("PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n", "192.0.2.7"), ("PROXY TCP6 2001:db8::7 2001:db8::1 1 65535\r\n", "2001:db8::7"),
        ("PROXY UNKNOWN\r\n", nil), ("PROXY UNKNOWN ffff:f...f:ffff ffff 65535 65535\r\n", nil),
    ])
    func aLineTellsTheSource(line: String, source: String?) {
        let header = ProxyHeader(source: source.flatMap { NetworkAddress($0) }, length: line.utf8.count)
        #expect(read(Array(line.utf8)) == .whole(header))
        #expect(read(Array(line.utf8) + Array("GET / HTTP/1.1\r\n".utf8)) == .whole(header))
        for count in 0..<line.utf8.count { #expect(read(Array(line.utf8.prefix(count))) == .incomplete) }
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n\r\n", "PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n", "PROXY TCP4 192.0.2.7  198.51.100.1 56324 443\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 056324 443\r\n", "PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n",
        "PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n", "PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n", "PROXY TCP4 192.0.2.07 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n", "PROXY TCP4 192.0.2.7\r198.51.100.1 1 2\r\n", "PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY UNKNOWNS\r\n", "PROXY  TCP4 192.0.2.7 198.51.100.1 1 2\r\n", "proxy TCP4 192.0.2.7 198.51.100.1 1 2\r\n", "PROXY \r\n",
        "PROXY UNKNOWN " + String(repeating: "x", count: 100) + "\r\n", "PROXY UNKNOWN \u{1}\r\n", "\r\n\r\nGET",
    ])
    func whatIsNoLineIsRefused(text: String) {
        #expect(read(Array(text.utf8)) == .refused)
    }

    static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    private static let version4: [UInt8] = [192, 0, 2, 7, 198, 51, 100, 1, 0xDC, 0x04, 0x01, 0xBB]
    private static let version6: [UInt8] = [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [7] + [UInt8](repeating: 9, count: 20)

    static func binary(_ command: UInt8, _ family: UInt8, _ body: [UInt8], length: Int? = nil) -> [UInt8] {
        let count = length ?? body.count
        return signature + [command, family, UInt8(count >> 8), UInt8(count & 0xFF)] + body
    }

    @Test(
        arguments: [
            (binary(0x21, 0x11, version4), "192.0.2.7"), (binary(0x21, 0x21, version6), "2001:db8::7"),
            (binary(0x21, 0x11, version4 + [0x04, 0, 2, 1, 2, 0xEA, 0, 0]), "192.0.2.7"), (binary(0x20, 0x00, []), nil),
            (binary(0x20, 0x11, version4), nil), (binary(0x20, 0x21, [1, 2, 3]), nil), (binary(0x21, 0x00, []), nil),
            (binary(0x21, 0x31, [UInt8](repeating: 0x2F, count: 216)), nil),
        ] as [([UInt8], String?)])
    func aBinaryHeaderTellsTheSource(bytes: [UInt8], source: String?) {
        let header = ProxyHeader(source: source.flatMap { NetworkAddress($0) }, length: bytes.count)
        #expect(read(bytes) == .whole(header))
        #expect(read(bytes + [0x16, 0x03]) == .whole(header))
        for count in 0..<bytes.count { #expect(read(Array(bytes.prefix(count))) == .incomplete) }
    }

    @Test(
        arguments: [
            binary(0x11, 0x11, version4), binary(0x22, 0x11, version4), binary(0x21, 0x12, version4), binary(0x21, 0x41, version4),
            binary(0x21, 0x21, version4), binary(0x21, 0x11, version4, length: 11), binary(0x21, 0x11, version4 + [4, 0, 9, 1]),
            binary(0x21, 0x11, version4 + [4, 0]), binary(0x21, 0x11, [], length: 4081), signature + [0x21, 0x99, 0xFF, 0xFF],
        ] as [[UInt8]])
    func whatIsNoBinaryHeaderIsRefused(bytes: [UInt8]) {
        #expect(read(bytes) == .refused)
    }
}
