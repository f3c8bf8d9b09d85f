package import Telemetry

/// Which routing table is in force, and how long ago the control plane confirmed that it is the newest.
package enum TableMetrics {
    package static func register(_ store: TableStore, _ contact: ControlContact, in registry: MetricRegistry) {
        registry.collect {
            [
                MetricFamily(
                    "plimsoll_gateway_table_version", "Version of the routing table in force; 0 before the first.", .gauge,
                    [MetricSample(store.version)]),
                MetricFamily(
                    "plimsoll_gateway_table_age_seconds", "Time since the control plane confirmed the routing table in force.", .gauge,
                    [MetricSample(contact.age)]),
            ]
        }
    }
}
