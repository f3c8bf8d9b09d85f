import Cryptography
import Testing

@Suite struct CertificateRequestTests {
    @Test func aRequestProvesItsKey() throws {
        let key = try PrivateKey()
        let request = try CertificateRequest(pem: CertificateRequest(key: key).pem)
        #expect(try request.spkiSHA256() == key.spkiSHA256())
    }

    @Test func aChangedRequestIsRefused() throws {
        let pem = try CertificateRequest(key: PrivateKey()).pem
        var lines = pem.split(separator: "\n").map(String.init)
        let body = lines[1..<(lines.count - 1)].joined()
        var bytes = try #require(Base64.decode(body))
        bytes[bytes.count - 5] ^= 1
        lines.replaceSubrange(1..<(lines.count - 1), with: [Base64.encode(bytes)])
        #expect(throws: CryptographyError.self) { try CertificateRequest(pem: lines.joined(separator: "\n") + "\n") }
    }

    @Test(arguments: ["", "hello", String(repeating: "A", count: 20_000)])
    func otherTextIsRefused(text: String) {
        #expect(throws: CryptographyError.self) { try CertificateRequest(pem: text) }
    }

    @Test func keysReadBackAndForeignOnesAreRefused() throws {
        let key = try PrivateKey()
        #expect(try PrivateKey(pem: key.pem).spkiSHA256() == key.spkiSHA256())
        #expect(throws: CryptographyError.self) { try PrivateKey(pem: "hello") }
    }
}
