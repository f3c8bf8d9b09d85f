import Testing

@testable import Outbound

@Suite(.timeLimit(.minutes(1))) struct PublicAddressTests {
    @Test(
        arguments: [
            ([8, 8, 8, 8], true), ([100, 63, 255, 255], true), ([100, 128, 0, 0], true), ([172, 15, 0, 1], true), ([172, 32, 0, 1], true),
            ([198, 17, 0, 1], true),
            ([223, 255, 255, 255], true), ([0, 0, 0, 0], false), ([10, 1, 2, 3], false), ([100, 64, 0, 1], false), ([100, 127, 255, 255], false),
            ([127, 0, 0, 1], false), ([169, 254, 169, 254], false), ([172, 16, 0, 1], false), ([172, 31, 255, 255], false),
            ([192, 168, 1, 1], false),
            ([198, 19, 0, 1], false), ([224, 0, 0, 1], false), ([255, 255, 255, 255], false),
        ] as [([UInt8], Bool)]) func `addresses of IPv4 of the machine, of private networks and of no machine are not public`(
            address: [UInt8], isPublic: Bool
        )
    {
        #expect(PublicAddress.isPublic(address) == isPublic)
        let mapped = [UInt8](repeating: 0, count: 10) + [0xff, 0xff] + address
        let translated = [0x00, 0x64, 0xff, 0x9b] + [UInt8](repeating: 0, count: 8) + address
        #expect(PublicAddress.isPublic(mapped) == isPublic && PublicAddress.isPublic(translated) == isPublic)
    }

    @Test(
        arguments: [
            ([0x26, 0x06, 0x47, 0x00], true), ([0x2a, 0x00], true), ([0x20, 0x01, 0x48, 0x60], true), ([], false), ([0xfe, 0x80], false),
            ([0xfc], false),
            ([0xfd, 0x12], false), ([0xff, 0x02], false), ([0x20, 0x01, 0x0d, 0xb8], false), ([0x20, 0x02, 0x0a], false),
            ([0x20, 0x01, 0x00, 0x00], false),
            ([0x3f, 0xff, 0x00], false), ([0x3f, 0xfe], true),
        ] as [([UInt8], Bool)]) func `of IPv6 what is given to the Internet is public`(first: [UInt8], isPublic: Bool)
    {
        #expect(PublicAddress.isPublic(first + [UInt8](repeating: 0, count: 15 - first.count) + [1]) == isPublic)
    }

    @Test func `a name or address of this machine is connected to only by calls that may go anywhere`() async throws {
        let server = try await ScriptedServer { _, channel in channel.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n") }
        let client = OutboundClient()
        #expect(try await client.send(OutboundRequest(url: server.url)).status == 200)
        for url in [server.url, server.url.replacing("127.0.0.1", with: "localhost")] {
            let error = await #expect(throws: OutboundError.self) {
                _ = try await client.send(OutboundRequest(url: url, reach: .publicAddresses))
            }
            #expect(error?.code == .connectFailed && error?.isBeforeSending == true, "\(url)")
        }
        #expect(server.log.connections == 1, "nor over a connection that stands")
    }
}
