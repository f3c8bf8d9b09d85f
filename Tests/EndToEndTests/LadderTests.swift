import Foundation
import TestSupport
import Testing

extension MachineTests {
    /// What stands by for customers to whom something is promised, from an incident to their requests.
    @Suite struct LadderTests {
        /// Both providers are lost. The policy goes down the runbook, and with each step that the one before is lost too, the next one serves.
        @Test(.timeLimit(.minutes(5))) func whatStandsByServesOneAfterTheOther() async throws {
            try await MovableClock.with { clock in
                try await Installation.with(settings: clock.environment) { plimsoll in
                    let pools = [
                        AddedPool("warm", kind: "warm", standsBy: true), AddedPool("far", kind: "shared", region: "far"),
                        AddedPool("held", kind: "reserved"), AddedPool("reserve", kind: "reserved", standsBy: true),
                    ]
                    try await plimsoll.withAgents(of: pools, environment: clock.environment) { agents in
                        let business = try await prepare(plimsoll)
                        try await fail(plimsoll, business)
                        try await inForce("warm_pool", plimsoll, clock, wait: 0)
                        try await served(by: "warm", plimsoll, business)
                        try await inForce("backup_region", plimsoll, clock)
                        try await served(by: "far", plimsoll, business)
                        try await drain(false, "held", plimsoll)
                        try await inForce("protected_pool", plimsoll, clock)
                        await agents["far"]?.stop()
                        try await served(by: "held", plimsoll, business)
                        try await inForce("reserved_capacity", plimsoll, clock)
                        for pool in ["warm", "held"] { await agents[pool]?.stop() }
                        try await served(by: "reserve", plimsoll, business)
                        try await told(plimsoll)
                    }
                }
            }
        }
    }
}

extension MachineTests.LadderTests {
    /// A key of the tier that is protected first, whose SKU has a backup region. One reserved pool is out of rotation for now.
    private func prepare(_ plimsoll: Installation) async throws -> String {
        try await drain(true, "held", plimsoll)
        let sku = try await plimsoll.admin("PATCH", "/skus/\(plimsoll.model)-business", #"{"backup_region":"far"}"#)
        try #require(sku.status == 200, "\(sku.body)")
        let made = try await plimsoll.admin("POST", "/keys", #"{"tenant":"demo-business","name":"ladder"}"#)
        let key = try #require(made.at("secret"), "\(made.body)")
        #expect(["alpha-local", "beta-local"].contains(try await answer(plimsoll, key)))
        return key
    }

    private func drain(_ isDrained: Bool, _ pool: String, _ plimsoll: Installation) async throws {
        let host = try #require(try await plimsoll.rows("SELECT id FROM serving.hosts WHERE pool = '\(pool)'").first)
        let led = try await plimsoll.admin("POST", "/hosts/\(host)/\(isDrained ? "drain" : "resume")", "{}")
        try #require((200...202).contains(led.status), "\(led.body)")
    }

    /// Hosts freeze, and customers ask until the first step against that is in force.
    private func fail(_ plimsoll: Installation, _ key: String) async throws {
        for host in ["alpha", "beta"] { try plimsoll.kill("agent:\(host)", SIGSTOP) }
        let load = try LoadClient(url: plimsoll.url, key: key, model: plimsoll.model, customers: 4, maxTokens: 3, seconds: 60)
        try await Waiting.until("something is done about it", within: .seconds(60)) {
            try await plimsoll.rows("SELECT count(*) > 0 FROM reliability.mitigation WHERE action = 'warm_pool'") == ["t"]
        }
        // Those that still wait would hold up the test until the policy's next step is due.
        let endings = load.endings
        await load.stop()
        #expect(endings.contains { $0.outcome != "finished" }, "\(endings.summary)")
    }

    /// - Parameter wait: Seconds for which what is in force was to show whether it helps.
    private func inForce(_ action: String, _ plimsoll: Installation, _ clock: MovableClock, wait: TimeInterval = 31) async throws {
        try clock.move(by: wait)
        try await Waiting.until("\(action) is in force", within: .seconds(40)) {
            try await plimsoll.rows(
                """
                SELECT count(*) > 0 FROM reliability.mitigation AS done JOIN reliability.incident ON incident.id = done.incident_id
                WHERE action = '\(action)' AND mode = 'automatic' AND done.state = 'active' AND NOT drill
                """) == ["t"]
        }
    }

    /// Whatever tables and links need to get there: from then on each request is answered by a worker of the pool.
    private func served(by pool: String, _ plimsoll: Installation, _ key: String) async throws {
        try await Waiting.until("\(pool) serves", within: .seconds(40)) { try await answer(plimsoll, key) == pool }
        for _ in 0..<3 { #expect(try await answer(plimsoll, key) == pool) }
    }

    /// The pool of the worker that answered one request, by its usage record; nil: nobody did.
    private func answer(_ plimsoll: Installation, _ key: String) async throws -> String? {
        let load = try LoadClient(url: plimsoll.url, key: key, model: plimsoll.model, customers: 1, turns: 1, maxTokens: 3, seconds: 20)
        guard let ending = try await load.finish().first, ending.outcome == "finished", let id = ending.id else { return nil }
        _ = try await plimsoll.recordCounts(of: [id])
        return try await plimsoll.rows(
            """
            SELECT hosts.pool FROM billing.usage_event AS event JOIN serving.workers AS worker ON worker.id = event.worker_id
            JOIN serving.hosts ON hosts.id = worker.host_id WHERE request_id = '\(id)' AND kind = 'final' AND outcome = 'good'
            """
        ).first
    }

    /// The timeline has all four in the order of the runbook.
    private func told(_ plimsoll: Installation) async throws {
        let steps = try await plimsoll.rows(
            """
            SELECT action FROM reliability.mitigation WHERE action IN ('warm_pool', 'backup_region', 'protected_pool', 'reserved_capacity')
            GROUP BY action ORDER BY min(created_at)
            """)
        #expect(steps.first == "warm_pool" && steps.count == 4, "\(steps)")
    }
}
