package import Telemetry

/// What every program measures.
package enum ProgramMetrics {
    /// A registry that holds what the process tells about itself and what its libraries measure. Once for each process: libraries have one
    /// place to send to.
    package static func registry() -> MetricRegistry {
        let registry = MetricRegistry()
        ProcessMetrics.register(in: registry)
        MetricsBridge.bootstrap(registry)
        return registry
    }
}
