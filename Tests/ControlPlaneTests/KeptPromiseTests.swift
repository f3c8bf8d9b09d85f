import FoundationEssentials
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import ControlPlane

/// Changes of what contracts rest on: none takes anything from them, and what lacked already may be mended step by step.
@Suite struct KeptPromiseTests {
    /// A contract of acme for tiny in eu under the terms of pro.
    private func promised(_ body: @Sendable (AdminFixture) async throws -> Void) async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            try await PromiseFixture.measure(admin)
            _ = try await PromiseFixture.terms(admin)
            #expect(try await PromiseFixture.agree(admin).json["state"].string == "active")
            try await body(admin)
        }
    }

    private static func isRefused(_ answer: JSONClient.Answer) -> Bool {
        answer.status == 409 && answer.json["error"]["code"].string == "promised"
            && answer.text.contains("the contract of acme for tiny in eu (pro version 1)")
    }

    @Test func `what an objective lacked before holds up no edit that makes it no worse`() async throws {
        try await promised { admin in
            _ = try await admin.row(
                "UPDATE reliability.objective SET target_ppm = 990000, burn_alerts = FALSE WHERE name = 'availability' RETURNING 1")
            #expect(
                try await admin.patch("objectives/availability", #"{"target_ppm": 995000}"#).status == 200,
                "still less than 99.9 %, and more than before")
            #expect(try await admin.patch("objectives/availability", #"{"freezes": false}"#).status == 200)
            let worse = try await admin.patch("objectives/availability", #"{"target_ppm": 980000}"#)
            #expect(Self.isRefused(worse), "\(worse.text)")
            #expect(try await admin.patch("objectives/availability", #"{"burn_alerts": true}"#).status == 200)
            #expect(try await Self.isRefused(admin.patch("objectives/availability", #"{"burn_alerts": false}"#)))
        }
    }

    @Test func `where no objective holds for a contract, another one may be changed, and any is better`() async throws {
        try await promised { admin in
            _ = try await admin.row("UPDATE serving.tiers SET ttft_objective_microseconds = 2000000 RETURNING 1")
            #expect(try await admin.patch("objectives/first-token", #"{"freezes": true}"#).status == 200)
            _ = try await admin.row("UPDATE reliability.objective SET state = 'deleted', deleted_at = now() WHERE kind = 'ttlt_p95' RETURNING 1")
            let loose = #"{"name": "late", "kind": "ttlt_p95", "target_ppm": 950000, "threshold_microseconds": 9000000, "burn_alerts": false}"#
            let made = try await admin.post("objectives", loose)
            #expect(made.status == 201, "\(made.text)")
            #expect(try await Self.isRefused(admin.patch("objectives/late", #"{"threshold_microseconds": 9000001}"#)))
            #expect(try await admin.patch("objectives/late", #"{"threshold_microseconds": 8500000}"#).status == 200)
        }
    }

    @Test func `a model is not taken from the tier of a contract, which would have empty minutes alone`() async throws {
        try await promised { admin in
            _ = try await admin.post("tiers", AdminFixture.tier("hobby"))
            for change in [#"{"tiers": ["hobby"]}"#, #"{"state": "hidden"}"#] {
                let refused = try await admin.patch("models/tiny", change)
                #expect(Self.isRefused(refused) && refused.text.contains("not served to the tier pro"), "\(refused.text)")
            }
            #expect(try await Self.isRefused(admin.delete("models/tiny")))
            #expect(try await admin.patch("models/tiny", #"{"tiers": ["hobby", "pro"]}"#).status == 200)
            _ = try await admin.row("UPDATE serving.models SET tiers = '{hobby}' RETURNING 1")
            #expect(try await admin.patch("models/tiny", #"{"display_name": "Tiny 2"}"#).status == 200, "that it is not served was so before")
            _ = try await admin.post("models", #"{"name": "other", "display_name": "Other", "context_tokens": 2048, "tiers": ["hobby"]}"#)
            let unsold = try await admin.post("agreements", #"{"tenant": "acme", "terms": "pro", "model": "other", "region": "eu"}"#)
            #expect(unsold.status == 400 && unsold.text.contains("is not served to the tier pro"), "\(unsold.text)")
        }
    }

    @Test func `regions of a tenant are narrowed below its contracts only when it asks, and it can be suspended`() async throws {
        try await promised { admin in
            let refused = try await admin.patch("tenants/acme", #"{"allowed_regions": ["us"]}"#)
            #expect(Self.isRefused(refused) && refused.text.contains("customer_asked"), "\(refused.text)")
            #expect(try await admin.patch("tenants/acme", #"{"allowed_regions": ["us", "eu"]}"#).status == 200)
            #expect(try await admin.patch("tenants/acme", #"{"state": "suspended"}"#).status == 200)
            #expect(try await admin.patch("tenants/acme", #"{"state": "active"}"#).status == 200)
            #expect(try await admin.patch("tenants/acme", #"{"allowed_regions": ["us"], "customer_asked": true}"#).status == 200)
            let unreachable = try await admin.post("agreements", #"{"tenant": "acme", "terms": "pro", "model": "tiny", "region": "eu"}"#)
            #expect(unreachable.status == 400 && unreachable.text.contains("the tenant allows"), "\(unreachable.text)")
        }
    }

    /// That there is an answer.
    private final class Told: Sendable {
        private let state = Mutex(false)

        var isThere: Bool { state.withLock { $0 } }

        func note() { state.withLock { $0 = true } }
    }

    private static func answer(
        _ ask: @Sendable () async throws -> JSONClient.Answer, after start: AsyncStream<Void>, _ told: Told
    ) async throws -> JSONClient.Answer {
        for await _ in start {}
        let answer = try await ask()
        told.note()
        return answer
    }

    /// What comes of asking while a change of an objective is judged and not yet there.
    private func asking(
        _ admin: AdminFixture, during change: SQL, _ ask: @escaping @Sendable () async throws -> JSONClient.Answer
    ) async throws -> JSONClient.Answer {
        let (isJudged, judged) = AsyncStream.makeStream(of: Void.self)
        let told = Told()
        async let answer = Self.answer(ask, after: isJudged, told)
        try await admin.database.withPool { pool in
            try await pool.transaction { connection in
                _ = try await KeptPromises.guarding(connection) {
                    try await connection.execute(change)
                    return AdminChange(document: "{}", action: "delete", subjectKind: "objective", subjectId: "")
                }
                judged.finish()
                try await Waiting.until("the other waits, or has not waited", within: .seconds(30)) {
                    if told.isThere { return true }
                    return try await !connection.query(
                        """
                        SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                        """
                    ).isEmpty
                }
            }
        }
        return try await answer
    }

    @Test func `of two changes at once that together take what a contract rests on the second one is refused`() async throws {
        try await promised { admin in
            let own = #"{"name": "mine", "kind": "availability", "model": "tiny", "target_ppm": 999500}"#
            #expect(try await admin.post("objectives", own).status == 201)
            let gone: SQL = "UPDATE reliability.objective SET state = 'deleted', deleted_at = now() WHERE name = 'mine'"
            let second = try await asking(admin, during: gone) { try await admin.patch("objectives/availability", #"{"target_ppm": 990000}"#) }
            #expect(Self.isRefused(second), "\(second.text)")
        }
    }

    @Test func `nothing is promised while what it would rest on is taken away`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            try await PromiseFixture.measure(admin)
            _ = try await PromiseFixture.terms(admin)
            let gone: SQL = "UPDATE reliability.objective SET state = 'deleted', deleted_at = now() WHERE kind = 'availability'"
            let second = try await asking(admin, during: gone) { try await PromiseFixture.agree(admin) }
            #expect(second.status == 409 && second.json["error"]["code"].string == "not_measured", "\(second.text)")
        }
    }

    @Test func `objectives of a tenant end with it, so that its budget holds nobody up`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            let own = #"{"name": "own", "kind": "availability", "tenant": "acme", "target_ppm": 999500}"#
            for _ in 0..<2 {
                #expect(try await admin.post("objectives", own).status == 201)
                #expect(try await admin.delete("tenants/acme").status == 200)
                #expect(try await admin.get("objectives/own").status == 404)
                #expect(try await admin.get("objectives/availability").status == 200)
                _ = try await admin.post("tenants", #"{"name": "acme", "display_name": "Acme", "tier": "pro"}"#)
            }
        }
    }
}
