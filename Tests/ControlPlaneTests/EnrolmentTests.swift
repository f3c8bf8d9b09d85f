import Cryptography
import Domain
import FoundationEssentials
import PlimsollWire
import Postgres
import Telemetry
import Testing

@testable import ControlPlane

@Suite struct EnrolmentTests {
    @Test func aTokenBecomesAnIdentityThatOurRootVouchesFor() async throws {
        try await PeerWorld.with { world in
            let answer = try await world.enrolment.enrol(world.request(world.token()), role: .agent)
            let chain = try Certificate.chain(pem: answer.credentials.certificateChainPem)
            let identity = try Certificate.verify(chain: chain, authorities: world.authority.roots, at: Date(), role: .agent)
            #expect(identity.description == answer.credentials.identity)
            #expect(answer.region == "eu")
            #expect(try await world.count("SELECT 1 FROM serving.hosts WHERE id = \(identity.id) AND pool = 'llama'") == 1)
            #expect(try await world.count("SELECT 1 FROM audit.entry WHERE action = 'enrol'") == 1)
        }
    }

    @Test func gatewaysLearnTheTableKeyAndTheirAddressIsKept() async throws {
        try await PeerWorld.with { world in
            let answer = try await world.enrolment.enrol(world.request(world.token(.gateway), advertise: "gw.example:7802"), role: .gateway)
            #expect(answer.tableKeyBase64 == Base64.encode(world.authority.tableKey.verifyingKey.rawBytes))
            #expect(try await world.count("SELECT 1 FROM serving.gateways WHERE advertise = 'gw.example:7802'") == 1)
        }
    }

    @Test func aTokenUsedTwiceIsRefusedAndAudited() async throws {
        try await PeerWorld.with { world in
            let token = try await world.token()
            _ = try await world.enrolment.enrol(world.request(token), role: .agent)
            #expect(try await world.reason { _ = try await world.enrolment.enrol(world.request(token), role: .agent) } == .tokenUsed)
            #expect(try await world.count("SELECT 1 FROM serving.hosts") == 1)
            #expect(try await world.count("SELECT 1 FROM audit.entry WHERE action = 'enrol_refused' AND change LIKE '%token_used%'") == 1)
        }
    }

    @Test func whoMakesTokensUpLeavesNoAuditRowsAndIsCounted() async throws {
        try await PeerWorld.with { world in
            let metrics = MetricRegistry()
            let enrolment = Enrolment(pool: world.pool, authority: world.authority, metrics: metrics, logger: world.logger)
            for _ in 0..<3 {
                let forged = JoinToken(id: UUID(), secret: SecureRandom.bytes(32), pin: world.authority.pin.bytes).text
                #expect(try await world.reason { _ = try await enrolment.enrol(world.request(forged), role: .agent) } == .tokenUnknown)
            }
            let rows = try await world.count("SELECT 1 FROM audit.entry")
            #expect(rows == 0)
            #expect(metrics.prometheusText().contains("plimsoll_control_enrolments_refused_total{reason=\"token_unknown\"} 3"))
        }
    }

    @Test(arguments: EnrolmentTokens.Role.allCases)
    func anAnswerThatWasLostIsGivenAgainToTheSameKey(_ role: EnrolmentTokens.Role) async throws {
        try await PeerWorld.with { world in
            let request = try world.request(await world.token(role), advertise: "127.0.0.1:7802")
            let lost = try Member(try await world.enrolment.enrol(request, role: role).credentials)
            let again = try Member(try await world.enrolment.enrol(request, role: role).credentials)
            #expect(again.identity == lost.identity)
            #expect(try await world.count("SELECT 1 FROM serving.hosts UNION ALL SELECT 1 FROM serving.gateways") == 1)
            #expect(try await world.count("SELECT 1 FROM audit.entry WHERE action = 'enrol_repeated'") == 1)
            try await PeerGuard(pool: world.pool).admit(again.peer)
            #expect(try await world.reason { _ = try await world.enrolment.enrol(request, role: role) } == .tokenUsed)
        }
    }

    @Test func ofManyWhoUseATokenAtOnceOneJoins() async throws {
        try await PeerWorld.with { world in
            let token = try await world.token()
            let joined = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<8 {
                    group.addTask { (try? await world.enrolment.enrol(world.request(token), role: .agent)) != nil }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(joined == 1)
            #expect(try await world.count("SELECT 1 FROM serving.hosts") == 1)
        }
    }

    @Test func expiredForgedRevokedAndForeignTokensAreRefusedEachWithItsReason() async throws {
        try await PeerWorld.with { world in
            let enrol = { (token: String, role: EnrolmentTokens.Role) in
                try await world.reason { _ = try await world.enrolment.enrol(world.request(token, advertise: "h:1"), role: role) }
            }
            let forged = JoinToken(id: UUID(), secret: SecureRandom.bytes(32), pin: world.authority.pin.bytes).text
            #expect(try await enrol(forged, .agent) == .tokenUnknown)
            let token = try #require(JoinToken(try await world.token()))
            #expect(try await enrol(JoinToken(id: token.id, secret: SecureRandom.bytes(32), pin: token.pin).text, .agent) == .tokenUnknown)
            #expect(try await enrol(JoinToken(id: token.id, secret: token.secret, pin: SecureRandom.bytes(32)).text, .agent) == .tokenUnknown)
            #expect(try await enrol(token.text, .gateway) == .tokenWrongRole)
            #expect(try await enrol("jt1.x.y.z", .agent) == .tokenMalformed)
            try await world.pool.execute(
                "UPDATE serving.enrolment_tokens SET created_at = now() - interval '1 hour', expires_at = now() - interval '1 second'")
            #expect(try await enrol(token.text, .agent) == .tokenExpired)
            try await world.pool.execute("UPDATE serving.enrolment_tokens SET revoked_at = now()")
            #expect(try await enrol(token.text, .agent) == .tokenRevoked)
            #expect(try await world.count("SELECT 1 FROM serving.hosts UNION ALL SELECT 1 FROM serving.gateways") == 0)
        }
    }

    @Test(arguments: ["evil\u{1b}[2J", "a\u{9b}b", "a\u{202e}b", "a\nb", "", String(repeating: "e\u{301}", count: 127)])
    func aHostnameThatCouldSteerATerminalOrIsTooLongIsRefused(_ hostname: String) async throws {
        try await PeerWorld.with { world in
            var request = try world.request(await world.token())
            request.hostname = hostname
            let wrong = request
            #expect(try await world.reason { _ = try await world.enrolment.enrol(wrong, role: .agent) } == .invalidRequest)
            #expect(try await world.count("SELECT 1 FROM serving.hosts") == 0)
        }
    }

    @Test func aBadRequestLeavesTheTokenUnused() async throws {
        try await PeerWorld.with { world in
            let token = try await world.token()
            var request = try world.request(token)
            request.certificateRequestPem = "nothing"
            let broken = request
            #expect(try await world.reason { _ = try await world.enrolment.enrol(broken, role: .agent) } == .invalidCertificateRequest)
            #expect(try await world.reason { _ = try await world.enrolment.enrol(world.request(token), role: .agent) } == nil)
        }
    }
}
