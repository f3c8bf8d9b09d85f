/// A set of Unicode scalars as ranges that rise and do not touch.
struct ScalarSet: Equatable, Sendable {
    static let last: UInt32 = 0x10FFFF
    static let digits = ScalarSet([0x30...0x39])
    static let word = ScalarSet([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
    static let space = ScalarSet([0x09...0x0A, 0x0C...0x0D, 0x20...0x20])
    static let any = ScalarSet([0...last])
    static let anyButNewline = ScalarSet([0x0A...0x0A]).inverted

    private(set) var ranges: [ClosedRange<UInt32>] = []

    init(_ ranges: [ClosedRange<UInt32>] = []) {
        for range in ranges { insert(range) }
    }

    init(_ scalar: Unicode.Scalar) {
        ranges = [scalar.value...scalar.value]
    }

    var isEmpty: Bool { ranges.isEmpty }

    mutating func insert(_ range: ClosedRange<UInt32>) {
        var joined = range
        var kept: [ClosedRange<UInt32>] = []
        for old in ranges {
            if old.upperBound &+ 1 < joined.lowerBound || joined.upperBound &+ 1 < old.lowerBound {
                kept.append(old)
            } else {
                joined = min(old.lowerBound, joined.lowerBound)...max(old.upperBound, joined.upperBound)
            }
        }
        kept.append(joined)
        ranges = kept.sorted { $0.lowerBound < $1.lowerBound }
    }

    mutating func insert(_ other: ScalarSet) {
        for range in other.ranges { insert(range) }
    }

    var inverted: ScalarSet {
        var result = ScalarSet()
        var next: UInt32 = 0
        for range in ranges {
            if range.lowerBound > next { result.ranges.append(next...range.lowerBound - 1) }
            next = range.upperBound + 1
        }
        if next <= Self.last { result.ranges.append(next...Self.last) }
        return result
    }

    /// With the other case of each letter. Ranges are looked through up to U+1FFFF; no script with two cases lies above it.
    var caseFolded: ScalarSet {
        var folded = self
        for range in ranges where range.lowerBound <= 0x1FFFF {
            // A set that holds a whole plane holds both cases.
            guard range != 0...Self.last else { return self }
            for value in range.lowerBound...min(range.upperBound, 0x1FFFF) {
                for other in CaseFolding.variants(of: value) where !folded.contains(other) { folded.insert(other...other) }
            }
        }
        return folded
    }

    func contains(_ value: UInt32) -> Bool {
        ranges.contains { $0.contains(value) }
    }
}

/// The cases of single letters, as far as they are one scalar each.
enum CaseFolding {
    static func variants(of value: UInt32) -> [UInt32] {
        switch value {
        case 0x41...0x5A: return value == 0x4B ? [0x6B, 0x212A] : value == 0x53 ? [0x73, 0x17F] : [value + 0x20]
        case 0x61...0x7A: return value == 0x6B ? [0x4B, 0x212A] : value == 0x73 ? [0x53, 0x17F] : [value - 0x20]
        case 0..<0x80: return []
        default:
            guard let scalar = Unicode.Scalar(value) else { return [] }
            let (lower, upper) = (single(scalar.properties.lowercaseMapping), single(scalar.properties.uppercaseMapping))
            return [lower, upper].compactMap { $0 }.filter { $0 != value }
        }
    }

    /// The lower case of a scalar; itself where that is more than one.
    static func lower(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        if scalar.isASCII { return (0x41...0x5A).contains(scalar.value) ? Unicode.Scalar(UInt8(scalar.value) + 0x20) : scalar }
        return single(scalar.properties.lowercaseMapping).flatMap(Unicode.Scalar.init) ?? scalar
    }

    private static func single(_ text: String) -> UInt32? {
        let scalars = text.unicodeScalars
        return scalars.count == 1 ? scalars.first?.value : nil
    }
}
