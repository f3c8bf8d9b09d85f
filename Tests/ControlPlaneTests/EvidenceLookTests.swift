import Outbound
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import ControlPlane

@Suite struct EvidenceLookTests {
    @Test func `a page that a person named is looked for once an hour, and again at once where it was not found`() async throws {
        try await PeerWorld.with { world in
            try await world.pool.execute(
                """
                INSERT INTO reliability.launch_attestation (line, evidence, actor) VALUES
                    ('data-policy', 'https://example.com/policy, version 3', 'a'), ('accounting', 'a book', 'a'), ('quickstart', 'https://gone.example', 'a')
                """)
            let asked = Mutex<[String]>([])
            let ask: OutsideProbes.Ask = { request async throws(OutboundError) in
                asked.withLock { $0.append(request.url) }
                #expect(request.reach == .publicAddresses)
                guard request.url.contains("example.com") else { throw OutboundError(code: .connectFailed, message: "nobody is there") }
                return OutboundResponse(head: OutboundHead(status: 200, headers: [], version: "1.1"), body: [], timings: OutboundTimings())
            }
            let looks = EvidenceLooks(reliability: world.pool, ask: ask)
            for _ in 0..<2 { try await looks.look() }
            #expect(asked.withLock { $0 } == ["https://example.com/policy", "https://gone.example", "https://gone.example"])
            let found: SQL = "SELECT line || ' ' || status AS look FROM reliability.evidence_look ORDER BY line"
            func known() async throws -> [String] { try await world.pool.query(found).map { try $0.value("look") } }
            #expect(try await known() == ["data-policy 200", "quickstart 0"])
            try await world.pool.execute(
                "INSERT INTO reliability.launch_attestation (line, evidence, actor, holds) VALUES ('quickstart', 'gone', 'a', false)")
            try await world.pool.execute("UPDATE reliability.evidence_look SET at = now() - interval '61 minutes'")
            try await looks.look()
            #expect(try await known() == ["data-policy 200"], "what was taken back is not looked for")
            #expect(asked.withLock { $0.count } == 4)
        }
    }

    @Test(arguments: [
        ("https://example.com/policy, version 3", "https://example.com/policy"), ("https://example.com.", "https://example.com"),
        ("see https://example.com", nil), ("http://example.com", nil), ("https://", nil),
    ]) func `evidence that begins with a page names it`(evidence: String, url: String?) {
        #expect(EvidenceLooks.url(of: evidence) == url)
    }
}
