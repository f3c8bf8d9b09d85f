import Cryptography
import FoundationEssentials
import PlimsollWire
import Postgres
import Testing

@testable import ControlPlane

@Suite struct RenewalTests {
    func renew(_ world: PeerWorld, _ member: Member, joinState: Int? = nil) async throws -> Member {
        let request = RenewalRequest(
            certificateRequestPem: try CertificateRequest(key: PrivateKey()).pem, joinState: joinState ?? member.credentials.joinState, bootId: "boot"
        )
        return try Member(
            try await Renewal(pool: world.pool, authority: world.authority, logger: world.logger)
                .renew(request, identity: member.identity, shown: member.certificate.fingerprint))
    }

    @Test func eachRenewalRaisesTheCounterAndKeepsTheIdentity() async throws {
        try await PeerWorld.with { world in
            let first = try await world.enrol()
            let second = try await renew(world, first)
            let third = try await renew(world, second)
            #expect(third.identity == first.identity)
            #expect(third.credentials.joinState == first.credentials.joinState + 2)
        }
    }

    @Test func aCopiedMachineLocksBoth() async throws {
        try await PeerWorld.with { world in
            let original = try await world.enrol()
            let renewed = try await renew(world, original)
            try await PeerGuard(pool: world.pool).admit(renewed.peer)
            #expect(try await world.reason { _ = try await renew(world, original) } == .cloneDetected)
            #expect(try await world.reason { _ = try await renew(world, renewed) } == .identityLocked)
            #expect(try await world.reason { try await PeerGuard(pool: world.pool).admit(renewed.peer) } == .identityLocked)
            #expect(try await world.count("SELECT 1 FROM audit.entry WHERE action = 'clone_detected'") == 1)
            #expect(try await world.count("SELECT 1 FROM serving.hosts WHERE denied_until > now()") == 1)
        }
    }

    @Test func aRenewalWhoseAnswerWasLostMayBeAskedAgain() async throws {
        try await PeerWorld.with { world in
            let original = try await world.enrol()
            _ = try await renew(world, original)
            let again = try await renew(world, original)
            #expect(again.credentials.joinState == 1)
            try await PeerGuard(pool: world.pool).admit(again.peer)
        }
    }

    @Test func manyLostAnswersLockNobodyAndACopyIsStillFound() async throws {
        try await PeerWorld.with { world in
            let original = try await world.enrol()
            for _ in 0..<5 { _ = try await renew(world, original) }
            let last = try await renew(world, original)
            try await PeerGuard(pool: world.pool).admit(last.peer)
            let next = try await renew(world, last)
            #expect(next.credentials.joinState == 2)
            #expect(try await world.reason { _ = try await renew(world, original) } == .cloneDetected)
        }
    }

    @Test func aCopyThatAsksAsIfItsAnswerWasLostIsFoundAtTheNextRenewal() async throws {
        try await PeerWorld.with { world in
            let original = try await world.enrol()
            let renewed = try await renew(world, original)
            _ = try await renew(world, original)
            #expect(try await world.reason { _ = try await renew(world, renewed) } == .cloneDetected)
        }
    }

    @Test func countersFromTheFutureOrLongAgoAreClones() async throws {
        for wrong in [-1, 5] {
            try await PeerWorld.with { world in
                let member = try await world.enrol()
                #expect(try await world.reason { _ = try await renew(world, member, joinState: wrong) } == .cloneDetected)
            }
        }
    }

    @Test func revokedAndUnknownIdentitiesAreNotRenewed() async throws {
        try await PeerWorld.with { world in
            let member = try await world.enrol()
            let revoked = try await world.pool.transaction { connection in
                try await Revocation.revoke(connection, role: .agent, id: member.identity.id, reason: "stolen")
            }
            #expect(revoked)
            #expect(try await world.reason { _ = try await renew(world, member) } == .identityRevoked)
            try await world.pool.execute("DELETE FROM serving.hosts")
            #expect(try await world.reason { _ = try await renew(world, member) } == .unknownIdentity)
        }
    }
}
