import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// How lines are read: place by place, and each for itself.
extension ReadinessTests {
    /// What gateways told of `other`, so many hours ago.
    private func streams(_ admin: AdminFixture, _ count: Int, broken: Int = 0, hoursAgo: Int) async throws {
        _ = try await admin.row(
            """
            INSERT INTO reliability.minute SELECT (jsonb_populate_record(told, jsonb_build_object('model', 'other', 'streams', \(count)::bigint,
                'minute_at', date_trunc('minute', now()) - make_interval(hours => \(hoursAgo)), 'outcomes', jsonb_build_object('bad:stream_broken', \(broken)::bigint)))).*
            FROM reliability.minute AS told WHERE model = 'tiny'
            """)
    }

    @Test func `streams are judged in each place where a model is sold, and are as old as the hundred that are needed there`() async throws {
        try await AdminFixture.run(now: Self.noon) { admin in
            _ = try await admin.tenant()
            try await seed(admin)
            #expect(try await line("streaming", admin)["proven"] == .bool(true))
            for statement in [
                "INSERT INTO serving.models (name, display_name, context_tokens) VALUES ('other', 'Other', 2048)",
                """
                INSERT INTO serving.skus (name, model, tier, primary_region, prompt_price_pico_usd, completion_price_pico_usd, state)
                VALUES ('other-pro', 'other', 'pro', 'eu', 1, 1, 'active')
                """,
            ] as [SQL] {
                _ = try await admin.row(statement)
            }
            let unasked = try await line("streaming", admin)
            #expect(unasked["proven"] == .bool(false) && unasked["finding"].string?.hasSuffix(": other in eu (0)") == true, "\(unasked)")
            try await streams(admin, 60, hoursAgo: 2)
            #expect(try await line("streaming", admin)["finding"].string?.hasSuffix(": other in eu (60)") == true)
            try await streams(admin, 60, hoursAgo: 20)
            let proven = try await line("streaming", admin)
            #expect(proven["proven"] == .bool(true) && proven["age_seconds"].number ?? 0 >= 20 * 3_600, "\(proven)")
            // Of all of them together it would be little.
            try await streams(admin, 100, broken: 1, hoursAgo: 1)
            let broken = try await line("streaming", admin)
            #expect(broken["proven"] == .bool(false) && broken["finding"].string?.hasSuffix(": other in eu (1 of 220)") == true, "\(broken)")
        }
    }

    @Test func `a line that cannot be read is not proven and says why, and takes no other with it`() async throws {
        try await AdminFixture.run(now: Self.noon) { admin in
            _ = try await admin.tenant()
            try await seed(admin)
            _ = try await admin.row("ALTER TABLE reliability.limit_look RENAME TO taken_away")
            let answer = try await admin.get("readiness")
            #expect(answer.status == 200 && answer.json["lines"].elements.count == 20, "\(answer.text)")
            let limits = try await line("limits", admin)
            #expect(limits["proven"] == .bool(false) && limits["evidence_at"] == .null)
            #expect(limits["finding"].string == "cannot be read: other: the server refused the statement (42P01)", "\(limits)")
            #expect(try await line("two-providers", admin)["proven"] == .bool(true))
        }
    }
}
