import Domain
import HTTPWire
import NIOCore
import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

/// Whose request it is when a proxy stands in front.
@Suite struct CustomerAddressTests {
    @Test(
        arguments: [
            (.xForwardedFor, ["203.0.113.9"], "203.0.113.9"), (.xForwardedFor, ["6.6.6.6, 203.0.113.9 , 10.1.1.1"], "203.0.113.9"),
            (.xForwardedFor, ["6.6.6.6", "203.0.113.9", "10.1.1.1"], "203.0.113.9"),
            (.xForwardedFor, ["6.6.6.6, \"", "203.0.113.9:99"], "203.0.113.9"),
            (.xForwardedFor, ["6.6.6.6, unknown"], nil), (.xForwardedFor, ["6.6.6.6,"], nil), (.xForwardedFor, [""], nil),
            (.xForwardedFor, [], nil), (.xForwardedFor, ["10.0.0.9, 10.0.0.8"], "10.0.0.9"),
            (.forwarded, ["for=203.0.113.9;proto=https;by=10.0.0.1"], "203.0.113.9"),
            (.forwarded, [#"for=6.6.6.6, FOR="[2001:db8::9]:4711";host="a,b""#], "2001:db8::9"),
            (.forwarded, [#"for="6.6.6.6"#, #"proto=http;for="203.0.113.9:80", for=10.0.0.2"#], "203.0.113.9"),
            // A customer's open quote does not swallow what the proxy adds.
            (.forwarded, [#"for="6.6.6.6, for=203.0.113.9"#], "203.0.113.9"), (.forwarded, [#"x="\, for="[2001:db8::9]""#], "2001:db8::9"),
            (.forwarded, [#"for="203\.0.113.9""#], "203.0.113.9"), (.forwarded, ["for=6.6.6.6;for=203.0.113.9"], nil),
            (.forwarded, ["for=6.6.6.6, proto=https"], nil), (.forwarded, ["for=6.6.6.6, for=_hidden"], nil), (.forwarded, ["for"], nil),
            (.forwarded, [#"for="203.0.113.9"x"#], nil),
        ] as [(ForwardedField, [String], String?)])
    func theNearestThatIsNoProxyIsTheCustomer(field: ForwardedField, values: [String], customer: String?) throws {
        let trust = ProxyTrust([try #require(AddressRange("10.0.0.0/8"))])
        let head = "GET / HTTP/1.1\r\nhost: t\r\n" + values.map { "\(field.rawValue.uppercased()): \($0)\r\n" }.joined() + "\r\n"
        let found = Array(head.utf8).withUnsafeBytes { bytes in
            trust.customer(nodes: field.nodes(bytes, RequestHead.values(of: field.name, in: bytes)))
        }
        #expect(found == customer.flatMap { NetworkAddress($0) })
    }

    private struct Front: Sendable {
        var field: ForwardedField?
        var proxies = "127.0.0.0/8"
        var isBehindProxy = false
        var speaksProxy = false
    }

    /// A gateway whose one key is good from 203.0.113.0/24.
    private func setup(_ front: Front) throws -> GatewayFixture.Setup {
        var setup = GatewayFixture.Setup(edit: { table in
            for name in table.keys.keys { table.keys[name]?.allowedAddresses = ["203.0.113.0/24"] }
        })
        setup.settings.trust = ProxyTrust(front.proxies.isEmpty ? [] : [try #require(AddressRange(front.proxies))])
        setup.settings.forwardedField = front.field
        setup.settings.isBehindProxy = front.isBehindProxy
        setup.settings.usesProxyProtocol = front.speaksProxy
        return setup
    }

    private static let models = "GET /v1/models HTTP/1.1\r\nhost: t\r\nx-api-key: sk-test\r\n"

    @Test(
        arguments: [
            (Front(field: .xForwardedFor), "x-forwarded-for: 203.0.113.9\r\n", "200"),
            (Front(field: .xForwardedFor), "x-forwarded-for: 203.0.113.9, 198.51.100.1\r\n", "403"), (Front(field: .xForwardedFor), "", "403"),
            (Front(field: .forwarded), "forwarded: for=203.0.113.9\r\nx-forwarded-for: 6.6.6.6\r\n", "200"),
            (Front(field: .forwarded), "x-forwarded-for: 203.0.113.9\r\n", "403"),
            (Front(field: .xForwardedFor, proxies: "192.0.2.0/24"), "x-forwarded-for: 203.0.113.9\r\n", "403"),
            (Front(proxies: "", isBehindProxy: true), "x-forwarded-for: 203.0.113.9\r\n", "403"),
        ] as [(Front, String, String)])
    private func aKeyIsHeldToTheAddressThatATrustedProxyTells(front: Front, fields: String, status: String) async throws {
        try await GatewayFixture.run([], setup(front)) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.send(Self.models + fields + "\r\n")
            #expect(try await client.answer().hasPrefix("HTTP/1.1 \(status) "))
            let other = try await HTTP2Client(port: gateway.port)
            let lines = fields.split(separator: "\r\n").map { $0.split(separator: ": ", maxSplits: 1).map(String.init) }
            other.get(1, "/v1/models", fields: lines.map { ($0[0], $0[1]) })
            #expect(try await other.answer(1).status == status)
        }
    }

    @Test(arguments: [
        ("PROXY TCP4 203.0.113.9 198.51.100.1 1 2\r\n", "200"), ("PROXY TCP4 192.0.2.9 198.51.100.1 1 2\r\n", "403"), ("PROXY UNKNOWN\r\n", "403"),
    ])
    func aKeyIsHeldToTheSourceOfTheProxysHeader(line: String, status: String) async throws {
        try await GatewayFixture.run([], setup(Front(speaksProxy: true))) { gateway in
            let client = try await TestClient(port: gateway.port)
            // In pieces, the last of which has the request's first bytes.
            try await client.send(String(line.prefix(9)))
            try await client.send(line.dropFirst(9) + Self.models + "\r\n")
            #expect(try await client.answer().hasPrefix("HTTP/1.1 \(status) "))
            try await client.send(Self.models + "\r\n")
            let both = try await client.receive { $0.firstRange(of: "HTTP/1.1 \(status)") != nil && $0.split(separator: "HTTP/1.1 ").count == 2 }
            #expect(both.split(separator: "HTTP/1.1 ").allSatisfy { $0.hasPrefix(status) })
            let other = try await HTTP2Client(port: gateway.port, preamble: Array(line.utf8))
            other.get(1, "/v1/models")
            #expect(try await other.answer(1).status == status)
        }
    }

    /// Two proxies in a row: the one in front tells by the field, the one behind by its header.
    @Test func aProxyBehindAProxyIsBelievedToo() async throws {
        try await GatewayFixture.run([], setup(Front(field: .xForwardedFor, speaksProxy: true))) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.send("PROXY TCP4 127.0.0.9 198.51.100.1 1 2\r\n" + Self.models + "x-forwarded-for: 203.0.113.9\r\n\r\n")
            #expect(try await client.answer().hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test func aConnectionWithoutTheHeaderIsClosedUnanswered() async throws {
        try await GatewayFixture.run([], setup(Front(speaksProxy: true))) { gateway in
            for start in [Self.models + "\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "PROXY TCP4 203.0.113.9 x 1 2\r\n" + Self.models + "\r\n"] {
                let client = try await TestClient(port: gateway.port)
                try await client.send(start)
                #expect(try await client.untilClosed().isEmpty)
            }
            #expect(gateway.metric(#"plimsoll_gateway_proxy_connections_refused_total{reason="malformed"}"#) == "3")
        }
    }

    @Test func theHeaderMustComeInTime() async throws {
        var setup = try setup(Front(speaksProxy: true))
        setup.settings.headTime = 1
        try await GatewayFixture.run([], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            try await client.send("PROXY TCP4 203.0.113.9")
            #expect(try await client.receive(within: .seconds(60)) { _ in false }.isEmpty)
        }
    }

    @Test func whoIsNoTrustedProxyIsClosedAtOnce() async throws {
        try await GatewayFixture.run([], setup(Front(proxies: "192.0.2.0/24", speaksProxy: true))) { gateway in
            let client = try await TestClient(port: gateway.port)
            #expect(try await client.untilClosed().isEmpty)
            #expect(gateway.metric(#"plimsoll_gateway_proxy_connections_refused_total{reason="untrusted"}"#) == "1")
        }
    }

    @Test func connectionsAreBoundedByTheAddressBehindTheProxy() async throws {
        var setup = try setup(Front(speaksProxy: true))
        setup.settings.connectionsPerAddress = 1
        try await GatewayFixture.run([], setup) { gateway in
            func connect(_ host: Int) async throws -> TestClient {
                let client = try await TestClient(port: gateway.port)
                try await client.send("PROXY TCP4 203.0.113.\(host) 198.51.100.1 1 2\r\n" + Self.models + "\r\n")
                return client
            }
            let first = try await connect(1)
            #expect(try await first.answer().hasPrefix("HTTP/1.1 200 "))
            #expect(try await connect(1).untilClosed().isEmpty)
            let second = try await connect(2)
            #expect(try await second.answer().hasPrefix("HTTP/1.1 200 "))
            try await first.close()
            // On a slow machine the second one may have been idle for too long by now.
            try await until { ["0", "1"].contains(gateway.metric("plimsoll_gateway_connections")) }
            #expect(try await connect(1).answer().hasPrefix("HTTP/1.1 200 "))
        }
    }

    /// Who guesses keys is counted by its own address, so that its neighbours behind the same proxy are not.
    @Test func whoGuessesKeysBehindAProxyIsTurnedAwayAlone() async throws {
        try await GatewayFixture.run([], setup(Front(field: .xForwardedFor))) { gateway in
            func answer(_ host: Int, _ key: String) async throws -> String {
                let client = try await TestClient(port: gateway.port)
                try await client.post(Samples.request, key: key, fields: "x-forwarded-for: 6.6.6.\(Int.random(in: 0...255)), 192.0.2.\(host)\r\n")
                return try await client.answer()
            }
            var isLocked = false
            for number in 0..<200 where !isLocked { isLocked = try await answer(1, "sk-guess-\(number)").hasPrefix("HTTP/1.1 429 ") }
            #expect(isLocked)
            #expect(try await answer(2, "sk-guess").hasPrefix("HTTP/1.1 401 "))
        }
    }
}
