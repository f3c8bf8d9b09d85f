/// Something that must hold for any bytes at all. The same check is driven by libFuzzer (`Deploy/fuzz`) and replayed by the tests.
protocol Fuzzer: SendableMetatype {
    /// Of its folder in `Corpora`.
    static var name: String { get }

    /// Throws `Broken` when what must hold does not.
    static func check(_ bytes: [UInt8]) throws
}

struct Broken: Error, CustomStringConvertible {
    let description: String
}

func hold(_ condition: Bool, _ claim: @autoclosure () -> String) throws {
    guard condition else { throw Broken(description: claim()) }
}

/// Reads what steers a check from the front of its bytes; the rest is the text.
struct Steering {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) {
        rest = bytes[...]
    }

    /// 0 when there is nothing left.
    mutating func byte() -> Int { Int(rest.popFirst() ?? 0) }

    /// Three pieces that together are the rest.
    mutating func pieces() -> [ArraySlice<UInt8>] {
        let (one, other) = (byte(), byte())
        let places = [one, other].map { rest.startIndex + $0 % (rest.count + 1) }.sorted()
        return [rest[..<places[0]], rest[places[0]..<places[1]], rest[places[1]...]]
    }
}
