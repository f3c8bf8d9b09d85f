import Testing

@testable import HTTPWire

@Suite("The walk over plain text in JSON")
struct JSONTextTests {
    /// Each byte there is, at places on both sides of every seam between the ways to walk.
    @Test func endsAtTheFirstByteThatIsNotPlain() {
        let count = 320
        var bytes = [UInt8](repeating: UInt8(ascii: "a"), count: count)
        for place in 0..<count {
            for byte in UInt8.min...UInt8.max {
                bytes[place] = byte
                let isPlain = (0x20..<0x80).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
                if end(bytes, from: 0) != (isPlain ? count : place) { Issue.record("\(byte) at \(place)") }
            }
            bytes[place] = UInt8(ascii: "z")
        }
    }

    @Test func readsNothingBeyondItsEnd() {
        var bytes = [UInt8](repeating: UInt8(ascii: " "), count: 400)
        for count in 0...300 {
            bytes[count] = UInt8(ascii: "\"")
            for from in [0, count / 2, count] { #expect(end(bytes, from: from, count: count) == count) }
            bytes[count] = UInt8(ascii: " ")
        }
    }

    private func end(_ bytes: [UInt8], from: Int, count: Int? = nil) -> Int? {
        bytes.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.map { JSONText(base: $0, count: count ?? buffer.count, longestString: .max).plainEnd(from) }
        }
    }
}
