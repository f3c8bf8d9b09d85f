@testable import Gateway

/// What a proxy says in front of a connection is the same however its bytes arrive, and never more than its bounds.
enum ProxyFuzzer: Fuzzer {
    static let name = "proxy"

    static func check(_ bytes: [UInt8]) throws {
        let whole = read(bytes[...])
        switch whole {
        case .incomplete: try hold(bytes.count < ProxyHeader.longestBinary, "more bytes than a header has are asked for")
        case .whole(let header):
            try hold((1...min(bytes.count, ProxyHeader.longestBinary)).contains(header.length), "a length beyond its bytes")
            try hold(read(bytes.prefix(header.length)) == whole, "another header without what follows")
            for count in 0..<header.length { try hold(read(bytes.prefix(count)) == .incomplete, "a header before its last byte") }
        case .refused: try hold(read((bytes + [0x0A])[...]) == .refused, "a refused header is one with more bytes")
        }
    }

    private static func read(_ bytes: ArraySlice<UInt8>) -> ProxyHeader.Reading { bytes.withUnsafeBytes(ProxyHeader.read) }
}
