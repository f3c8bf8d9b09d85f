package import Telemetry

/// How old the status page is that this gateway shows.
package enum StatusMetrics {
    package static func register(_ shelf: StatusShelf, in registry: MetricRegistry) {
        registry.collect {
            guard let age = shelf.ageSeconds else { return [] }
            return [
                MetricFamily(
                    "plimsoll_gateway_status_age_seconds", "Time since the status page that is shown was made.", .gauge, [MetricSample(Double(age))])
            ]
        }
    }
}
