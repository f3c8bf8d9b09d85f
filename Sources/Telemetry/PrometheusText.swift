/// Prometheus text exposition format 0.0.4.
package enum PrometheusText {
    /// For the answer to a scrape.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    static func render(_ families: [MetricFamily]) -> String {
        var text = ""
        for family in families {
            text += "# HELP \(family.name) \(escapeHelp(family.help))\n# TYPE \(family.name) \(family.kind.rawValue)\n"
            for sample in family.samples { append(sample, of: family.name, to: &text) }
        }
        return text
    }

    private static func append(_ sample: MetricSample, of name: String, to text: inout String) {
        switch sample.value {
        case .number(let value):
            text += "\(name)\(labels(sample.labels)) \(number(value))\n"
        case .histogram(let bounds, let counts, let sum):
            var cumulative: UInt64 = 0
            for (index, count) in counts.enumerated() {
                cumulative += count
                let bound = index < bounds.count ? number(bounds[index]) : "+Inf"
                text += "\(name)_bucket\(labels(sample.labels, bound: bound)) \(cumulative)\n"
            }
            text += "\(name)_sum\(labels(sample.labels)) \(number(sum))\n"
            text += "\(name)_count\(labels(sample.labels)) \(cumulative)\n"
        }
    }

    private static func labels(_ labels: MetricLabels, bound: String? = nil) -> String {
        var parts = labels.pairs.map { "\($0.name)=\"\(escapeValue($0.value))\"" }
        if let bound { parts.append("le=\"\(bound)\"") }
        return parts.isEmpty ? "" : "{" + parts.joined(separator: ",") + "}"
    }

    /// Whole numbers without a fraction, as people expect counts.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
        return String(value)
    }

    private static func escapeHelp(_ text: String) -> String {
        escape(text, quote: false)
    }

    private static func escapeValue(_ text: String) -> String {
        escape(text, quote: true)
    }

    private static func escape(_ text: String, quote: Bool) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quote: escaped += "\\\""
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
