import FoundationEssentials
import Postgres
import Telemetry

/// What keeps one tenant's evidence from going on, while that of the others does.
struct EvidenceFault: Sendable {
    let tenant: UUID
    let code: String

    /// Does what belongs to one tenant. Nil: it is done. What is wrong with the database or ends the program is everybody's trouble, and thrown.
    static func caught(_ tenant: UUID, _ work: () async throws -> Void) async throws -> EvidenceFault? {
        do {
            try await work()
            return nil
        } catch {
            guard isOwn(error), !Task.isCancelled else { throw error }
            return EvidenceFault(tenant: tenant, code: errorCode(error))
        }
    }

    private static func isOwn(_ error: any Error) -> Bool {
        guard let error = error as? PostgresError else { return !(error is CancellationError) }
        return error.isAboutValues || error.isRetryableConflict || error.code == .decoding || error.code == .timeout
    }
}
