import FoundationEssentials
package import Logging
import ServiceLifecycle
package import Telemetry

/// Puts a renewed certificate in force when its files change, or at once when it is told to. A pair that cannot be used is refused with a line in
/// the log, and the one in force stays.
package struct CertificateWatch: Service {
    private static let period = Duration.seconds(5)

    private let certificates: EdgeCertificates
    private let logger: Logger
    private let reloaded: CounterMetric
    private let refused: CounterMetric

    package init(_ certificates: EdgeCertificates, metrics: MetricRegistry, logger: Logger) {
        self.certificates = certificates
        self.logger = logger
        let name = "plimsoll_gateway_certificate_reloads_total"
        reloaded = metrics.counter(name, "Certificates of the customers' port that were read again.", labels: ["result": "used"])
        refused = metrics.counter(name, "Certificates of the customers' port that were read again.", labels: ["result": "refused"])
        metrics.collect {
            let left = Double(certificates.notAfter) - Date().timeIntervalSince1970
            return [
                MetricFamily(
                    "plimsoll_gateway_certificate_expiry_seconds", "Until the certificate of the customers' port expires.", .gauge,
                    [MetricSample(left)])
            ]
        }
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                // Cancellation is seen by the loop's condition.
                try? await Task.sleep(for: Self.period)
                if certificates.isChanged { reload() }
            }
        }
    }

    package func reload() {
        do throws(EdgeCertificates.Refusal) {
            try certificates.reload()
            reloaded.increment()
            logger.notice(
                "certificate of the customers' port was renewed",
                metadata: [LogKeys.notAfter: "\(Date(timeIntervalSince1970: Double(certificates.notAfter)))"])
        } catch {
            refused.increment()
            logger.error("certificate of the customers' port was refused: the old one stays", metadata: [LogKeys.reason: "\(error)"])
        }
    }
}
