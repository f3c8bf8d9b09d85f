import HTTPWire
import Testing

/// RFC 9113, section 8: every form of a malformed request.
@Suite struct RequestFieldsTests {
    static let good = [(":method", "POST"), (":scheme", "https"), (":path", "/v1/chat/completions"), (":authority", "api.example:443")]

    private func read(_ fields: [(String, String)], isEnd: Bool = false) throws(HTTPFault) -> (RequestHead, [UInt8]) {
        var block = RequestFields()
        block.begin()
        for (name, value) in fields { block.add(name, value) }
        return (try block.request(isEnd: isEnd), block.bytes)
    }

    @Test func readsWhatTheGatewayNeeds() throws {
        let (head, bytes) = try read(
            Self.good + [("authorization", "Bearer k"), ("content-length", "12"), ("te", "trailers"), ("content-type", "application/json")])
        #expect(head.method == .post && head.framing == .length(12))
        #expect(String(decoding: bytes[head.target], as: UTF8.self) == "/v1/chat/completions")
        #expect(try String(decoding: bytes[#require(head.authorization)], as: UTF8.self) == "Bearer k")
        #expect(try String(decoding: bytes[#require(head.host)], as: UTF8.self) == "api.example:443")
    }

    @Test func aBodyEndsWithItsStreamOrItsLength() throws {
        #expect(try read(Self.good, isEnd: true).0.framing == .none)
        #expect(try read(Self.good).0.framing == .untilClose)
        #expect(try read(Self.good + [("content-length", "0")], isEnd: true).0.framing == .length(0))
        #expect(throws: HTTPFault.invalidLength) { try read(Self.good + [("content-length", "1")], isEnd: true) }
    }

    @Test(arguments: [
        [("Accept", "*/*")], [("connection", "close")], [("keep-alive", "5")], [("proxy-connection", "close")], [("transfer-encoding", "chunked")],
        [("upgrade", "h2c")], [("te", "gzip")], [("te", "trailers, gzip")], [("te", "Trailers")], [(":path", "/again")], [(":method", "GET")],
        [(":scheme", "http")], [(":authority", "b")], [(":protocol", "websocket")], [(":status", "200")], [(":x", "y")], [("", "x")],
        [("a b", "x")], [("a:", "x")], [("x", "a\r\nb")], [("x", "\u{0}")], [("x", " a")], [("x", "a\t")], [("x", "\u{7F}")],
        [("host", "other")], [("host", "a b")], [("content-length", "+1")], [("content-length", "1"), ("content-length", "1")],
        [("content-length", "1, 1")], [("content-length", "")], [("accept", "*/*"), (":scheme", "http")],
        [("content-type", "a"), ("content-type", "b")],
        [("expect", "200-ok")],
    ])
    func refusesWhatTheProtocolForbids(_ more: [(String, String)]) {
        #expect(throws: HTTPFault.self) { try read(Self.good + more) }
    }

    @Test(arguments: 0..<3) func refusesARequestWithoutAPseudoField(_ position: Int) {
        var fields = Self.good
        fields.remove(at: position)
        #expect(throws: HTTPFault.malformedLine) { try read(fields) }
    }

    @Test(arguments: [
        (2, ":path", ""), (2, ":path", "v1"), (2, ":path", "*"), (2, ":path", "/a b"), (2, ":path", "/#"), (2, ":path", "http://a/"),
        (0, ":method", ""), (0, ":method", "GE T"), (1, ":scheme", "ftp"), (1, ":scheme", ""), (3, ":authority", ""), (3, ":authority", "u@a"),
        (0, ":method", "CONNECT"),
    ])
    func refusesPseudoFieldsThatSayNothing(_ position: Int, _ name: String, _ value: String) {
        var fields = Self.good
        fields[position] = (name, value)
        #expect(throws: HTTPFault.self) { try read(fields) }
    }

    @Test func aHostIsNeededAndMayBeTheField() throws {
        #expect(throws: HTTPFault.missingHost) { try read(Array(Self.good.dropLast())) }
        #expect(try read(Self.good.dropLast() + [("host", "a")]).0.host != nil)
        #expect(try read(Self.good + [("host", "API.example:443")]).0.host != nil)
    }

    @Test func boundsTheFields() {
        let many = (0..<101).map { ("x-\($0)", "1") }
        #expect(throws: HTTPFault.tooManyFields) { try read(Self.good + many) }
        #expect(throws: HTTPFault.headTooLarge) { try read(Self.good + [("x", String(repeating: "a", count: 40_000))]) }
        var path = Self.good
        path[2] = (":path", "/" + String(repeating: "a", count: 9000))
        #expect(throws: HTTPFault.targetTooLong) { try read(path) }
    }

    /// As many as may be, and one more.
    @Test(arguments: [0, 1]) func takesFieldsUpToTheirBounds(more: Int) throws {
        let (limits, used) = (HeadLimits(), Self.good.reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count })
        let fields = (0..<limits.fields - Self.good.count + more).map { ("x-\($0)", "1") }
        var path = Self.good
        path[2] = (":path", "/" + String(repeating: "a", count: limits.targetBytes - 1 + more))
        let long = Self.good + [("x", String(repeating: "a", count: limits.bytes - used - 1 + more))]
        for (block, fault) in [(Self.good + fields, HTTPFault.tooManyFields), (path, HTTPFault.targetTooLong), (long, HTTPFault.headTooLarge)] {
            if more == 0 { _ = try read(block) } else { #expect(throws: fault) { try read(block) } }
        }
    }

    @Test func trailersHoldNoPseudoFields() throws {
        var block = RequestFields()
        block.begin()
        block.add("x-checksum", "1")
        try block.checkTrailers()
        block.add(":path", "/")
        #expect(throws: HTTPFault.malformedField) { try block.checkTrailers() }
        block.begin()
        block.add("connection", "close")
        #expect(throws: HTTPFault.malformedField) { try block.checkTrailers() }
    }
}
