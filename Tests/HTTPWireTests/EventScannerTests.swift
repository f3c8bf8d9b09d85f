import HTTPWire
import Testing

@Suite struct EventScannerTests {
    private func events(_ bytes: [UInt8], splitAt split: Int) -> [String] {
        var scanner = EventScanner()
        var found: [String] = []
        var pending: [UInt8] = []
        for piece in [bytes[..<split], bytes[split...]] {
            pending += piece
            while let length = pending.withUnsafeBytes({ scanner.next($0) }) {
                found.append(String(decoding: pending[..<length], as: UTF8.self))
                pending.removeFirst(length)
            }
        }
        return found
    }

    @Test(arguments: ["data: a\n\ndata: b\n\n", "data: a\r\n\r\ndata: b\r\n\r\n", ": c\n\nevent: x\ndata: b\r\n\n"])
    func findsTheSameEventsAtEverySplit(_ text: String) {
        let bytes = Array(text.utf8)
        let whole = events(bytes, splitAt: 0)
        #expect(whole.count == 2)
        #expect(whole.joined() == text)
        for split in 0...bytes.count { #expect(events(bytes, splitAt: split) == whole) }
    }

    @Test(arguments: [
        (": keep-alive\n\n", EventPayload.comment), ("\n", .comment), ("data: [DONE]\n\n", .done), ("data: {}\n\n", .data(6..<8)),
        ("data:{}\r\n\r\n", .data(5..<7)), ("id: 1\ndata: {}\n\n", .data(12..<14)), ("data: a\ndata: b\n\n", .other),
        ("event: error\ndata: {}\n\n", .error(19..<21)), ("error: {}\n\n", .error(7..<9)), ("event: ping\ndata: {}\n\n", .other),
        ("event: message\ndata: {}\n\n", .data(21..<23)), ("event:\ndata: {}\n\n", .data(13..<15)), ("data: {}\nextra: 1\n\n", .data(6..<8)),
        ("event: messages\ndata: {}\n\n", .other), ("event: message\ndata: [DONE]\n\n", .done), ("data: {}\nerror: {}\n\n", .other),
    ])
    func readsThePayload(_ event: String, _ payload: EventPayload) {
        #expect(Array(event.utf8).withUnsafeBytes { EventPayload.read($0) } == payload)
    }
}
