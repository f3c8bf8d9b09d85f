/// The few samples that are wanted out of a Prometheus text page. The page comes from a runtime and is not trusted:
/// values that are no finite, sane number are dropped.
struct PrometheusText {
    struct Sample: Equatable {
        var name: String
        /// The text between the braces, as it came.
        var labels: String
        var value: Double

        /// A label whose value is a whole number.
        func number(_ label: String) -> Int? {
            let start = "\(label)=\""
            guard let entry = labels.split(separator: ",").first(where: { $0.hasPrefix(start) }) else { return nil }
            return Int(entry.dropFirst(start.count).prefix { $0 != "\"" })
        }
    }

    /// Pages are read to this many bytes; a runtime's own page is a fifth of it.
    static let maximumBytes = 4 << 20

    private let samples: [String: [Sample]]

    init(_ bytes: some Collection<UInt8>, wanted: Set<String>) {
        var found: [String: [Sample]] = [:]
        for line in bytes.prefix(Self.maximumBytes).split(separator: UInt8(ascii: "\n")) {
            guard let sample = Self.sample(line, wanted: wanted) else { continue }
            found[sample.name, default: []].append(sample)
        }
        samples = found
    }

    func samples(_ name: String) -> [Sample] { samples[name] ?? [] }

    /// Sum over all label sets of the first name that the page has; nil when it has none.
    func sum(_ names: [String]) -> Double? {
        first(names)?.reduce(0) { $0 + $1.value }
    }

    /// Greatest value over all label sets of the first name that the page has.
    func maximum(_ names: [String]) -> Double? {
        first(names)?.map(\.value).max()
    }

    private func first(_ names: [String]) -> [Sample]? {
        names.lazy.compactMap { samples[$0] }.first
    }

    private static func sample(_ line: some Collection<UInt8>, wanted: Set<String>) -> Sample? {
        guard let initial = line.first, initial != UInt8(ascii: "#") else { return nil }
        let nameEnd = line.firstIndex { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        guard let nameEnd else { return nil }
        let name = String(decoding: line[..<nameEnd], as: UTF8.self)
        guard wanted.contains(name) else { return nil }
        var rest = line[nameEnd...]
        var labels = ""
        if rest.first == UInt8(ascii: "{") {
            guard let close = labelEnd(rest) else { return nil }
            labels = String(decoding: rest[rest.index(after: rest.startIndex)..<close], as: UTF8.self)
            rest = rest[rest.index(after: close)...]
        }
        let fields = rest.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r") }
        guard let text = fields.first, let value = Double(String(decoding: text, as: UTF8.self)) else { return nil }
        guard value.isFinite, value >= 0, value < 9e15 else { return nil }
        return Sample(name: name, labels: labels, value: value)
    }

    /// The closing brace outside of quoted label values.
    private static func labelEnd<Bytes: Collection<UInt8>>(_ bytes: Bytes) -> Bytes.Index? {
        var quoted = false
        var escaped = false
        for index in bytes.indices {
            let byte = bytes[index]
            if escaped {
                escaped = false
            } else if byte == UInt8(ascii: "\\") {
                escaped = quoted
            } else if byte == UInt8(ascii: "\"") {
                quoted.toggle()
            } else if byte == UInt8(ascii: "}"), !quoted {
                return index
            }
        }
        return nil
    }
}
