import HTTPWire
import Testing

@Suite struct ResponseHeadTests {
    private func scan(_ text: String) throws -> ResponseHead {
        try Array(text.utf8).withUnsafeBytes { try ResponseHead.scan($0) }
    }

    @Test func readsTheHeadOfLlamaCpp() throws {
        let head = try scan(
            "HTTP/1.1 200 OK\r\nServer: llama.cpp\r\nAccess-Control-Allow-Origin: \r\nContent-Type: text/event-stream\r\n"
                + "Transfer-Encoding: chunked\r\nKeep-Alive: timeout=5, max=100\r\n\r\n")
        #expect(head.status == 200)
        #expect(head.isEventStream)
        #expect(head.framing == .chunked)
        #expect(head.keepAlive)
    }

    @Test(arguments: [
        ("HTTP/1.1 204 No Content\r\n\r\n", BodyFraming.none), ("HTTP/1.1 100 Continue\r\n\r\n", .none),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", .length(5)), ("HTTP/1.1 200 OK\r\n\r\n", .untilClose),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", .none),
    ])
    func knowsHowTheBodyEnds(_ text: String, _ framing: BodyFraming) throws {
        #expect(try scan(text).framing == framing)
    }

    @Test(arguments: [
        "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 999 OK\r\n\r\n", "HTTP/1.1  200\r\n\r\n", "HTTP/3 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 O\u{1}K\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : 1\r\n\r\n",
    ])
    func refusesMalformedAnswers(_ text: String) {
        #expect(throws: HTTPFault.self) { try scan(text) }
    }
}
