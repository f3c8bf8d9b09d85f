import HTTPWire
import Testing

@Suite struct ChunkedDecoderTests {
    private static let body = "4\r\nWiki\r\n5;a=\"x;\\\"y\"\r\npedia\r\n0\r\nTrailer: x\r\n\r\nNEXT"

    /// The body's bytes and how many bytes of the input it took; nil: not complete.
    private func decode(_ pieces: [ArraySlice<UInt8>]) throws -> (String, Int?) {
        var decoder = ChunkedDecoder()
        var text: [UInt8] = []
        var used = 0
        for piece in pieces {
            let bytes = Array(piece)
            var at = 0
            while true {
                let step = try bytes.withUnsafeBytes { try decoder.next($0, from: at) }
                switch step {
                case .data(let range):
                    text += bytes[range]
                    at = range.upperBound
                    continue
                case .end(let offset): return (String(decoding: text, as: UTF8.self), used + offset)
                case .needMore: used += bytes.count
                }
                break
            }
        }
        return (String(decoding: text, as: UTF8.self), nil)
    }

    @Test func isTheSameAtEverySplit() throws {
        let bytes = Array(Self.body.utf8)
        for split in 0...bytes.count {
            let (text, end) = try decode([bytes[..<split], bytes[split...]])
            #expect(text == "Wikipedia")
            #expect(end == bytes.count - 4)
        }
        #expect(try decode(bytes.indices.map { bytes[$0...$0] }).0 == "Wikipedia")
    }

    @Test func isIncompleteAtEveryPrefix() throws {
        let bytes = Array(Self.body.utf8)
        for count in 0..<bytes.count - 4 { #expect(try decode([bytes[..<count]]).1 == nil) }
    }

    @Test(arguments: [
        "4\nWiki", "4\r\nWikiX\r\n", "g\r\n", "\r\n", ";\r\n", "-1\r\n", "0x4\r\n", " 4\r\n", "4 \r\n", "FFFFFFFFFFFFF\r\n", "4\rX",
        "0\r\n:x\r\n\r\n",
        "0\r\nX: \u{1}\r\n\r\n", "4\r\nWiki\r\r", "0\r\n\rX", "4;\u{0}\r\n", "4;\r\n", "4;;\r\n", "4;a \r\n", "4;a b\r\n", "4;a=\r\n",
        "4;a=\"b\r\n", "4;a=\"b\"c\r\n", "4;a\nWiki", "4\r\nWiki\n", "0\r\nX\r\n\r\n", "0\r\nX : 1\r\n\r\n", "0\r\n X: 1\r\n\r\n", "0\r\nX: 1\n\r\n",
        "4\u{0B}\r\n", "4_0\r\n", "+4\r\n", "4\r\r\n", "4\n\r\n",
    ])
    func refusesMalformedChunks(_ text: String) {
        #expect(throws: HTTPFault.malformedChunk) { try decode([Array(text.utf8)[...]]) }
    }

    @Test(arguments: ["4;a\r\n", "4; a\r\n", "4;a=b\r\n", "4;a = b;c\r\n", "4;a=\"\"\r\n", "004;a=\"\\\"\";b\r\n"])
    func takesTheExtensionsOfTheGrammar(_ size: String) throws {
        #expect(try decode([Array("\(size)Wiki\r\n0\r\nX-Y:\r\n\r\n".utf8)[...]]).0 == "Wiki")
    }

    @Test func refusesAnEndlessExtensionOrTrailer() {
        let long = String(repeating: "a", count: 17_000)
        #expect(throws: HTTPFault.malformedChunk) { try decode([Array("4;\(long)".utf8)[...]]) }
        #expect(throws: HTTPFault.malformedChunk) { try decode([Array("0\r\nX: \(long)".utf8)[...]]) }
    }
}
