import Testing

@testable import HTTPWire

@Suite("Text writer")
struct TextWriterTests {
    private func written(_ write: (inout TextWriter) -> Void) -> String {
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: 64)
        defer { memory.deallocate() }
        var writer = TextWriter(memory, size: 64)
        write(&writer)
        return String(decoding: UnsafeBufferPointer(start: memory, count: writer.count), as: UTF8.self)
    }

    @Test("numbers are written as the standard library writes them", arguments: [0, 1, 9, 10, 99, 100, 4096, 1_000_000_000, .max, .min, -7])
    func numbers(_ value: Int) {
        #expect(written { $0.put(decimal: value) } == "\(value)")
        guard value >= 0 else { return }
        #expect(written { $0.put(hexadecimal: value) } == String(value, radix: 16))
    }

    @Test("pieces stand one behind the other")
    func pieces() {
        let text = written { writer in
            writer.put("a")
            writer.put([0x62, 0x63])
            writer.put(String(repeating: "d", count: 20))
            writer.put(length: 2) { $0.copyBytes(from: "ef".utf8) }
        }
        #expect(text == "abc" + String(repeating: "d", count: 20) + "ef")
    }
}
