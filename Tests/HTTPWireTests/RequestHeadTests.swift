import HTTPWire
import Testing

@Suite struct SessionFieldTests {
    @Test(arguments: ["x-session-id", "X-Session-Affinity", "session-id", "session_id", "x-claude-code-session-id"])
    func theNameOfAConversationIsFound(field: String) throws {
        let head = "GET / HTTP/1.1\r\nhost: t\r\n\(field): s-1\r\nx-session-id: later\r\n\r\n"
        let session = try Array(head.utf8).withUnsafeBytes { bytes in
            try RequestHead.scan(bytes).session.map { String(decoding: bytes[$0], as: UTF8.self) }
        }
        #expect(session == "s-1")
    }
}

@Suite struct RequestHeadTests {
    static let good = "POST /v1/chat/completions HTTP/1.1\r\nHost: api.example:8080\r\nauthorization: Bearer k\r\nContent-Length: 12\r\n\r\n"

    static func scan(_ text: String) throws(HTTPFault) -> RequestHead {
        let result: Result<RequestHead, HTTPFault> = Array(text.utf8).withUnsafeBytes { bytes in
            do throws(HTTPFault) {
                var finder = HeadFinder()
                guard let length = try finder.find(bytes) else { return .failure(.malformedLine) }
                return .success(try RequestHead.scan(UnsafeRawBufferPointer(rebasing: bytes[..<length])))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    @Test func readsWhatTheGatewayNeeds() throws {
        let head = try Self.scan(Self.good)
        let bytes = Array(Self.good.utf8)
        #expect(head.method == .post)
        #expect(String(decoding: bytes[head.target], as: UTF8.self) == "/v1/chat/completions")
        #expect(try String(decoding: bytes[#require(head.authorization)], as: UTF8.self) == "Bearer k")
        #expect(head.framing == .length(12))
        #expect(head.keepAlive)
    }

    @Test func aHeadIsIncompleteAtEveryPrefixAndFoundWhateverTheSplits() throws {
        let bytes = Array(Self.good.utf8)
        var finder = HeadFinder()
        for count in 1..<bytes.count {
            let found = try bytes[..<count].withUnsafeBytes { try finder.find($0) }
            #expect(found == nil)
        }
        #expect(try bytes.withUnsafeBytes { try finder.find($0) } == bytes.count)
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false), ("GET / HTTP/1.0\r\nHost: a\r\n\r\n", false),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true), ("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n", false),
    ])
    func keepAliveFollowsVersionAndConnection(_ text: String, _ keepAlive: Bool) throws {
        #expect(try Self.scan(text).keepAlive == keepAlive)
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX\u{0}: 1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: \u{0}\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: \u{7F}\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n: 1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / x HTTP/1.1\r\nHost: a\r\n\r\n", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\n\r\n", "GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: a\r\n\r\n", "GET /#f HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\"x HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\u{80} HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\tx HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a%2f\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\nContent-Type: c/d\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Encoding: identity\r\n\r\n", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.2\r\nHost: a\r\n\r\n", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "GET / http/1.1\r\nHost: a\r\n\r\n", "GET /\r\n\r\n",
        " GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ])
    func refusesMalformedHeads(_ text: String) {
        #expect(throws: HTTPFault.self) { try Self.scan(text) }
    }

    @Test(arguments: [
        ("GET http://A.b:80/v1?x HTTP/1.1\r\nHost: a.B:80\r\n\r\n", "/v1?x"), ("GET https://a HTTP/1.1\r\nHost: a\r\n\r\n", ""),
        ("GET HTTP://[::1]:9?q HTTP/1.1\r\nHost: [::1]:9\r\n\r\n", "?q"), ("GET http://a/x HTTP/1.0\r\n\r\n", "/x"),
        ("OPTIONS * HTTP/1.1\r\nHost: a:\r\n\r\n", "*"), ("GET /a%20b;c=(1)!$&'*+,~@[] HTTP/1.1\r\nHost: a\r\n\r\n", "/a%20b;c=(1)!$&'*+,~@[]"),
    ])
    func readsEveryFormOfTarget(_ text: String, _ target: String) throws {
        #expect(String(decoding: Array(text.utf8)[try Self.scan(text).target], as: UTF8.self) == target)
    }

    @Test(arguments: [
        "Content-Length: 1\r\nContent-Length: 1", "Content-Length: 1\r\nContent-Length: 2", "Content-Length: 1, 1", "Content-Length: +1",
        "Content-Length: -1", "Content-Length: 0x1", "Content-Length: 1 ", "Content-Length:", "Content-Length: 9999999999999999999",
        "Content-Length: 1\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: identity, chunked", "Transfer-Encoding: chunked, identity", "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked;q=1", "Transfer-Encoding:\u{0B}chunked", "Transfer-Encoding: gzip", "Expect: 200-ok",
        "Transfer-Encoding : chunked", "Transfer_Encoding: chunked\r\nTransfer-Encoding: x", "Content-Length: 1\u{0}",
    ])
    func refusesAmbiguousBodies(_ fields: String) throws {
        // White space behind a value is no part of it.
        if fields == "Content-Length: 1 " { return #expect(try Self.scan("POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n").framing == .length(1)) }
        #expect(throws: HTTPFault.self) { try Self.scan("POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n") }
    }

    @Test func refusesChunksFromHTTP10() {
        #expect(throws: HTTPFault.ambiguousLength) { try Self.scan("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") }
    }

    @Test func boundsTheHead() {
        let long = String(repeating: "a", count: 9000)
        #expect(throws: HTTPFault.targetTooLong) { try Self.scan("GET /\(long) HTTP/1.1\r\nHost: a\r\n\r\n") }
        let field = "X: " + String(repeating: "a", count: 40_000)
        #expect(throws: HTTPFault.headTooLarge) { try Self.scan("GET / HTTP/1.1\r\nHost: a\r\n\(field)\r\n\r\n") }
        let many = (0..<101).map { "X\($0): 1\r\n" }.joined()
        #expect(throws: HTTPFault.tooManyFields) { try Self.scan("GET / HTTP/1.1\r\nHost: a\r\n\(many)\r\n") }
    }

    @Test func twoCredentialsAreAmbiguous() throws {
        let text = "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nX-API-Key: b\r\n\r\n"
        #expect(try Self.scan(text).ambiguousCredentials)
    }

    @Test func survivesMutations() {
        var random = TestRandom(seed: 79)
        for _ in 0..<20_000 {
            var bytes = Array(Self.good.utf8)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? bytes.withUnsafeBytes { try RequestHead.scan($0) }
            var finder = HeadFinder()
            guard let length = try? bytes.withUnsafeBytes({ try finder.find($0) }) else { continue }
            #expect(length <= bytes.count)
        }
    }
}
