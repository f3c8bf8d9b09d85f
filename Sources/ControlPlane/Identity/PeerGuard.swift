package import Cryptography
import FoundationEssentials
package import Postgres
import Synchronization

/// Who is at the other end of a connection, as its certificate proves it.
package struct Peer: Sendable, Hashable {
    package let identity: PeerIdentity
    /// SHA-256 of the certificate.
    package let certificate: SHA256Digest

    package init(identity: PeerIdentity, certificate: SHA256Digest) {
        self.identity = identity
        self.certificate = certificate
    }
}

/// Refuses identities that are locked, revoked or unknown although their certificates are good.
///
/// Answers are remembered for a short while, so that a heartbeat does not cost a query and a database that is away stops nobody it knew.
package final class PeerGuard: Sendable {
    private struct Verdict {
        var refusal: PeerRefusal?
        var until: ContinuousClock.Instant
    }

    private static let freshness = Duration.seconds(5)
    private static let limit = 50_000

    private let pool: PostgresPool
    private let verdicts = Mutex<[Peer: Verdict]>([:])

    package init(pool: PostgresPool) {
        self.pool = pool
    }

    /// Throws `PeerRefusal`. A renewal looks at its row itself and must not be let in or out by an older answer.
    package func admit(_ peer: Peer) async throws {
        let now = ContinuousClock.now
        let known = verdicts.withLock { $0[peer] }
        if let known, known.until > now {
            if let refusal = known.refusal { throw refusal }
            return
        }
        let refusal: PeerRefusal?
        do {
            refusal = try await look(peer)
        } catch {
            guard let known else { throw error }
            refusal = known.refusal
        }
        remember(Verdict(refusal: refusal, until: now + Self.freshness), of: peer)
        if let refusal { throw refusal }
    }

    private func look(_ peer: Peer) async throws -> PeerRefusal? {
        guard let table = PeerRecord.table(of: peer.identity.role) else { return PeerRefusal(.wrongRole, "this role is not served here") }
        let id = peer.identity.id
        let digest = peer.certificate.bytes
        guard
            let row = try await pool.queryOne(
                "SELECT state, certificate_seen_at IS NULL AND certificate_sha256 = \(digest) AS fresh FROM \(table) WHERE id = \(id)")
        else { return PeerRefusal(.unknownIdentity, "this identity is not known here") }
        if try row.value("fresh", as: Bool?.self) == true {
            try await pool.execute("UPDATE \(table) SET certificate_seen_at = now() WHERE id = \(id) AND certificate_sha256 = \(digest)")
        }
        guard let state = PeerRecord.State(rawValue: try row.value("state")) else { return PeerRefusal(.unknownIdentity, "no such state") }
        return PeerRecord.refusal(for: state)
    }

    private func remember(_ verdict: Verdict, of peer: Peer) {
        verdicts.withLock { verdicts in
            if verdicts.count >= Self.limit {
                let now = ContinuousClock.now
                verdicts = verdicts.filter { $0.value.until > now }
            }
            guard verdicts.count < Self.limit else { return }
            verdicts[peer] = verdict
        }
    }
}
