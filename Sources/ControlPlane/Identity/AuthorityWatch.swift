import Cryptography
package import FoundationEssentials
package import Logging
import ServiceLifecycle
package import Telemetry

/// Puts a renewed intermediate in force, and says long before an authority expires that somebody must renew it.
package struct AuthorityWatch: Service {
    private static let month = 30 * 86_400.0
    private static let week = 7 * 86_400.0

    private let folder: AuthorityFolder
    private let authority: Authority
    private let logger: Logger

    package init(folder: AuthorityFolder, authority: Authority, metrics: MetricRegistry, logger: Logger) {
        self.folder = folder
        self.authority = authority
        self.logger = logger
        metrics.collect { [authority] in
            let samples = Self.authorities(authority).map { name, certificate in
                MetricSample(labels: ["authority": name], certificate.notAfter.timeIntervalSinceNow)
            }
            return [MetricFamily("plimsoll_control_authority_expiry_seconds", "Until the authority expires.", .gauge, samples)]
        }
    }

    /// Looks every hour; a minute after the folder could not be read, which happens while it is being written.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                let isRead = self.look()
                // Cancellation is seen by the loop's condition.
                try? await Task.sleep(for: isRead ? .seconds(3_600) : .seconds(60))
            }
        }
    }

    /// False when the folder could not be read; the authority that is in force stays.
    @discardableResult
    package func look(at moment: Date = Date()) -> Bool {
        let isRead = reload(at: moment)
        for (name, certificate) in Self.authorities(authority) { warn(name, certificate, at: moment) }
        return isRead
    }

    private func reload(at moment: Date) -> Bool {
        do {
            let found = try folder.load(at: moment)
            if found.roots != authority.roots {
                logger.warning("Root authorities were changed: they are used after a restart", metadata: [LogKeys.path: "\(folder.path)"])
            }
            if authority.adopt(found) {
                logger.notice("Intermediate authority was renewed", metadata: [LogKeys.notAfter: "\(found.intermediate.certificate.notAfter)"])
            }
            return true
        } catch {
            logger.error("Authorities could not be read", metadata: [LogKeys.path: "\(folder.path)", LogKeys.reason: "\(error)"])
            return false
        }
    }

    private func warn(_ name: String, _ certificate: Certificate, at moment: Date) {
        let left = certificate.notAfter.timeIntervalSince(moment)
        guard left < Self.month else { return }
        logger.log(
            level: left < Self.week ? .error : .warning, "Authority expires: a root's end needs a new root, an intermediate's renew-authority",
            metadata: [LogKeys.authority: "\(name)", LogKeys.notAfter: "\(certificate.notAfter)"])
    }

    private static func authorities(_ authority: Authority) -> [(String, Certificate)] {
        [("root", authority.roots[0]), ("intermediate", authority.intermediate.certificate)]
    }
}
