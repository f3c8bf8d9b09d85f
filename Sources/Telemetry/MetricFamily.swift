package enum MetricKind: String, Sendable {
    case counter
    case gauge
    case histogram
}

/// Label names and values in order of the names. Values come from closed sets: states, codes, names of tiers; never ids of requests.
package struct MetricLabels: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    package let pairs: [Pair]

    package struct Pair: Sendable, Hashable {
        package let name: String
        package let value: String
    }

    package init(_ pairs: [(String, String)]) {
        self.pairs = pairs.map { Pair(name: $0.0, value: $0.1) }.sorted { $0.name < $1.name }
    }

    package init(dictionaryLiteral elements: (String, String)...) {
        self.init(elements)
    }
}

extension MetricLabels: Comparable {
    package static func < (left: MetricLabels, right: MetricLabels) -> Bool {
        left.pairs.lexicographicallyPrecedes(right.pairs) { ($0.name, $0.value) < ($1.name, $1.value) }
    }
}

/// One name with its series at one moment.
package struct MetricFamily: Sendable {
    package var name: String
    package var help: String
    package var kind: MetricKind
    package var samples: [MetricSample]

    package init(_ name: String, _ help: String, _ kind: MetricKind, _ samples: [MetricSample]) {
        self.name = name
        self.help = help
        self.kind = kind
        self.samples = samples
    }
}

/// One series at one moment.
package struct MetricSample: Sendable {
    package var labels: MetricLabels
    package var value: MetricValue

    package init(labels: MetricLabels = [:], _ value: MetricValue) {
        self.labels = labels
        self.value = value
    }

    package init(labels: MetricLabels = [:], _ value: Double) {
        self.init(labels: labels, .number(value))
    }

    package init(labels: MetricLabels = [:], _ value: some BinaryInteger) {
        self.init(labels: labels, .number(Double(value)))
    }
}

package enum MetricValue: Sendable, Equatable {
    case number(Double)
    /// `counts` has one more element than `bounds`; each is the number of observations in that bucket alone.
    case histogram(bounds: [Double], counts: [UInt64], sum: Double)
}

/// A handle's present value.
protocol MetricSeries: AnyObject, Sendable {
    var value: MetricValue { get }
}
