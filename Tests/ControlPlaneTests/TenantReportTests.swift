import Domain
import FoundationEssentials
import PlimsollWire
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

@Suite struct TenantReportTests {
    @Test func `a month is told in both views, with its days and incidents and without a provider`() async throws {
        try await EvidenceWorld.with { evidence in
            let start = EvidenceWorld.start
            try await evidence.begin()
            try await evidence.probes(start..<start + 3_000)
            try await evidence.traffic(start + 5, good: 3)
            try await evidence.traffic(start + 1_500, good: 1, bad: 1)
            try await evidence.world.pool.execute(
                """
                INSERT INTO reliability.minute (tenant_id, model, region, minute_at, gateway_id, boot_id, sequence, tier, provider, outcomes, good, bad,
                    excluded, first_token_samples, first_token_over, prompt_tokens, completion_tokens, rate_limited, disconnects, first_token_histogram,
                    queue_histogram, long_last_token_histogram, retrieval_histogram, retrieved_last_token_histogram)
                VALUES (\(evidence.tenant), 'tiny', 'eu', to_timestamp(\(start + 5) * 60), gen_random_uuid(), 'b', 1, 'pro', 'alpha', '{"good": 3}', 3, 0, 0, 3,
                    0, 10, 20, 0, 0, '{"100": 2, "127": 1}', '{"90": 1}', '{"127": 1}', '{"50": 2}', '{"120": 2}')
                """)
            try await evidence.world.pool.execute(
                """
                INSERT INTO reliability.maintenance_window (title, reason, starts_at, ends_at, announced_at, announced_by)
                VALUES ('Disks of alpha', 'new disks', to_timestamp(\(start + 1_490) * 60), to_timestamp(\(start + 1_510) * 60),
                    to_timestamp(\(start + 1_490) * 60) - interval '4 days', 'test')
                """)
            try await evidence.world.pool.execute(
                """
                INSERT INTO reliability.incident (key, rule, severity, model, provider, title, began_at, opened_at, last_signal_at, impact_from)
                SELECT name, 'availability', 'page', name, 'alpha', 'alpha is slow', at, at, at, at
                FROM unnest(ARRAY['tiny', 'other']) AS name, to_timestamp(\(start + 1_500) * 60) AS at
                """)
            try await evidence.turn(at: start + 2_015, closed: start + 2_000)
            let text = try await TenantReport.of(evidence.tenant, EvidenceWorld.month, evidence.databases)
            let report = try JSONDecoder().decode(JSONTree.self, from: Data(text.utf8))
            let series = report["series"][0]
            #expect(report["series"].elements.count == 1 && report["complete"].text == "false" && !text.contains("alpha"))
            #expect(series["queue"]["p95_microseconds"].text == "90" && series["last_token_512"]["samples"].text == "1")
            #expect(series["days"][0]["queue_p95_microseconds"].text == "90" && series["days"][0]["last_token_512_p95_microseconds"].text == "127")
            let retrieval = series["retrieval"]
            #expect(retrieval["time"]["p95_microseconds"].text == "50" && retrieval["with_answer"]["p50_microseconds"].text == "120")
            #expect(retrieval["with_first_token"]["samples"].text == "0" && retrieval["with_first_token"]["p95_microseconds"].text == "null")
            #expect(series["objective_view"]["bad"].text == "1" && series["objective_view"]["uptime"]["percent"].string == "99.9500")
            #expect(series["promise_view"]["excluded"].text == "20" && series["promise_view"]["uptime"]["percent"].string == "100.0000")
            #expect(series["requests"]["good"].text == "3" && series["requests"]["completion_tokens"].text == "20")
            #expect(series["first_token"]["p50_microseconds"].text == "100" && series["first_token"]["p99_microseconds"].text == "127")
            #expect(series["first_token"]["p95_is_over"].text == "false")
            #expect(series["days"].elements.map { $0["day"].string } == ["2026-06-01", "2026-06-02"])
            #expect(report["incidents"].elements.map { $0["model"].string } == ["tiny"])
            let month = try WireCoder.decode(TenantMonth.self, from: text.utf8)
            #expect(month.series[0].days.map(\.minutes.excluded) == [0, 20] && month.incidents[0].badMinutes == 1)
            #expect(month.maintenance.map(\.title) == ["Disks of a capacity source"] && month.evidence?.complete == false)
            #expect(month.series[0].budget?.allowedMinutes == 43 && month.series[0].budget?.badMinutes == 1 && month.countsKept)
            let coming = try await TenantReport.of(evidence.tenant, BillingPeriod(year: 2060, month: 1), evidence.databases)
            #expect(try WireCoder.decode(TenantMonth.self, from: coming.utf8).countsKept, "nothing of it has gone by age")
            // As `retention.minutes` drops it.
            try await evidence.world.pool.execute("DROP TABLE reliability.minute_2026_06")
            let later = try await TenantReport.of(evidence.tenant, EvidenceWorld.month, evidence.databases)
            let forgotten = try WireCoder.decode(TenantMonth.self, from: later.utf8)
            #expect(!forgotten.countsKept && forgotten.series[0].promiseView == month.series[0].promiseView)
        }
    }

    private static let contracts: [(badAbove: Int64?, leavesOutWork: Bool, promised: String, budgeted: String)] = [
        (nil, true, "1 20", "2"), (nil, false, "2 0", "2"), (300_000, true, "0 20", "1"), (10_000, false, "1 0", "1"),
    ]

    /// Of a minute in which one of four failed and one, in announced work, in which one of a hundred did: what a contract says of them.
    @Test(arguments: contracts)
    func `under an agreement a month is told by its rule, and without what it leaves out`(
        contract: (badAbove: Int64?, leavesOutWork: Bool, promised: String, budgeted: String)
    ) async throws {
        try await EvidenceWorld.with { evidence in
            let start = EvidenceWorld.start
            try await evidence.world.pool.execute(
                """
                WITH made AS (
                    INSERT INTO reliability.terms (name, version, title, tier, bad_above_ppm, exclusions, created_by)
                    VALUES ('pro', 1, 'Pro', 'pro', \(contract.badAbove), \(contract.leavesOutWork ? ["scheduled_maintenance"] : [])::text[], 'test') RETURNING id)
                INSERT INTO reliability.agreement (tenant_id, terms_id, model, region, state, starts_at, monthly_minimum_micro_usd, evidence, requested_by)
                SELECT \(evidence.tenant), made.id, 'tiny', 'eu', 'active', to_timestamp(\(start * 60)::bigint), 0, '{}', 'test' FROM made
                """)
            try await evidence.begin()
            try await evidence.probes(start..<start + 3_000)
            try await evidence.traffic(start + 5, good: 3, bad: 1)
            try await evidence.traffic(start + 1_500, good: 99, bad: 1)
            try await evidence.world.pool.execute(
                """
                INSERT INTO reliability.maintenance_window (title, reason, starts_at, ends_at, announced_at, announced_by)
                VALUES ('Disks', 'new disks', to_timestamp(\((start + 1_490) * 60)::bigint), to_timestamp(\((start + 1_510) * 60)::bigint),
                    to_timestamp(\((start + 1_490) * 60)::bigint) - interval '4 days', 'test')
                """)
            try await evidence.turn(at: start + 2_015, closed: start + 2_000)
            let text = try await TenantReport.of(evidence.tenant, EvidenceWorld.month, evidence.databases)
            let series = try WireCoder.decode(TenantMonth.self, from: text.utf8).series[0]
            let told = series.promiseView
            #expect(series.retrieval == nil)
            #expect("\(told.bad) \(told.excluded)" == contract.promised, "\(told)")
            #expect(
                "\(series.objectiveView.bad)" == contract.budgeted && series.budget?.badMinutes == series.objectiveView.bad, "\(series.objectiveView)"
            )
            #expect(series.days.reduce(0) { $0 + $1.minutes.bad } == told.bad && series.days.reduce(0) { $0 + $1.minutes.excluded } == told.excluded)
        }
    }

    @Test func `what lies between two subscriptions is no part of the month, whose uptime is the one of its bundle`() async throws {
        try await EvidenceWorld.with { evidence in
            let month = EvidenceWorld.month.minutes
            let (left, back) = (month.lowerBound + 10_000, month.lowerBound + 14_000)
            func sell(_ state: String, at minute: Int64) async throws {
                try await evidence.world.pool.execute("UPDATE serving.skus SET state = \(state)")
                try await evidence.turn(at: minute, closed: minute - 15)
            }
            try await evidence.begin()
            try await evidence.probes(month.lowerBound..<left)
            try await evidence.probes(back..<month.upperBound)
            for minute in [5, 20_000, 20_001] as [Int64] { try await evidence.traffic(month.lowerBound + minute, good: 3, bad: 1) }
            try await sell("retired", at: left)
            try await sell("active", at: back)
            try await evidence.turn(at: month.upperBound + 90, closed: month.upperBound + 75)
            let june = try #require(try await evidence.trees().first { $0.month == EvidenceWorld.month })
            let bundle = try await BundleMaker(databases: evidence.databases, signer: evidence.signer).make(june)
            let found = BundleVerification(Array(bundle.utf8), key: evidence.signer.noteKey)
            let text = try await TenantReport.of(evidence.tenant, EvidenceWorld.month, evidence.databases)
            let series = try WireCoder.decode(TenantMonth.self, from: text.utf8).series[0]
            #expect(series.covered.map(\.from) == [UTCMinute.text(month.lowerBound), UTCMinute.text(back)])
            #expect(series.covered.map(\.until) == [UTCMinute.text(left), UTCMinute.text(month.upperBound)])
            for told in [series.promiseView, series.objectiveView] {
                #expect(told.minutes == 39_200 && told.unmeasured == 0 && told.bad == 3, "\(told)")
            }
            #expect(found.holds && found.steps.contains { $0.finding.contains("39197 good of 39200 minutes (3 bad") }, "\(found.steps)")
            #expect(series.days.reduce(0) { $0 + $1.minutes.minutes } == 39_200 && series.days.count == 30)
        }
    }

    @Test func `credits of a month stand in its report with their arithmetic, the newest version alone`() async throws {
        try await EvidenceWorld.with { evidence in
            try await evidence.begin()
            try await evidence.agree(from: EvidenceWorld.start)
            try await evidence.world.pool.execute(
                """
                INSERT INTO reliability.credit (agreement_id, tenant_id, terms_id, month, version, status, amount_cents, arithmetic, computed_by)
                SELECT id, tenant_id, terms_id, '2026-06', version, 'issued', version * 5, '{"total_percent": [5, 1], "cap_percent": 25}', 'test'
                FROM reliability.agreement, generate_series(1, 2) AS version
                """)
            let text = try await TenantReport.of(evidence.tenant, EvidenceWorld.month, evidence.databases)
            let credits = try WireCoder.decode(TenantMonth.self, from: text.utf8).credits
            #expect(credits.map(\.version) == [2] && credits[0].amountCents == 10 && credits[0].arithmetic.totalPercent == [5, 1])
        }
    }

    @Test func `the times of incidents are exported as JSON and as lines`() async throws {
        try await AdminFixture.run { admin in
            _ = try await admin.post("tiers", AdminFixture.tier())
            #expect(try await admin.post("tenants", #"{"name": "acme", "display_name": "Acme", "tier": "pro"}"#).status == 201)
            _ = try await admin.row(
                """
                WITH series AS (INSERT INTO reliability.evidence_series (tenant_id, model, region, since_at, cause)
                    SELECT id, 'tiny', 'eu', '2026-06-01Z', 'traffic' FROM serving.tenants RETURNING 1)
                INSERT INTO reliability.incident (key, rule, severity, model, provider, title, began_at, opened_at, last_signal_at, impact_from, impact_until)
                VALUES ('k', 'server_errors', 'page', 'tiny', 'alpha', 'alpha is slow', '2026-06-02 10:00Z', '2026-06-02 10:01Z', '2026-06-02 10:05Z',
                    '2026-06-02 10:00Z', '2026-06-02 10:05Z') RETURNING 1
                """)
            let path = "tenants/acme/incidents/export?month=2026-06"
            let told = try await admin.get(path).json["windows"]
            #expect(told.elements.count == 1 && told[0]["impact_until"].string == "2026-06-02T10:05:00Z")
            let lines = try await admin.get(path + "&format=csv").text.split(separator: "\r\n")
            let wanted = "1,server_errors,tiny,,detected,2026-06-02T10:00:00Z,"
            #expect(lines.count == 2 && lines[0].hasPrefix("number,rule,model") && lines[1].hasPrefix(wanted), "\(lines)")
            #expect(try await admin.get(path + "&format=xml").status == 400)
            #expect(try await admin.get("tenants/acme/report/page?month=2026-06").status == 200)
        }
    }

    /// A tenant of pro that asked in some minutes of June, in each of which one request failed.
    ///
    /// - Parameter tier: What it was then.
    private func acme(_ admin: AdminFixture, asked minutes: [String], as tier: String) async throws {
        _ = try await admin.post("tiers", AdminFixture.tier())
        #expect(try await admin.post("tenants", #"{"name": "acme", "display_name": "Acme", "tier": "pro"}"#).status == 201)
        _ = try await admin.row("SELECT upkeep.ensure_month('reliability.minute_total', '2026-06-01')")
        _ = try await admin.row(
            """
            WITH series AS (INSERT INTO reliability.evidence_series (tenant_id, model, region, since_at, cause)
                SELECT id, 'tiny', 'eu', '2026-06-01Z', 'traffic' FROM serving.tenants RETURNING 1)
            INSERT INTO reliability.minute_total (tenant_id, model, region, minute_at, tier, good, bad, excluded, server_errors,
                shed, over_quota, first_token_samples, first_token_over, disconnects)
            SELECT id, 'tiny', 'eu', at::timestamptz, \(tier), 10, 1, 0, 0, 0, 0, 0, 0, 0 FROM serving.tenants, unnest(\(minutes)::text[]) AS at
            RETURNING 1
            """)
    }

    @Test func `of an incident with a quiet hour in the middle each minute that was felt counts, and none of the quiet ones`() async throws {
        try await AdminFixture.run { admin in
            try await acme(admin, asked: ["2026-06-02 10:00Z", "2026-06-02 10:30Z", "2026-06-02 11:00Z"], as: "pro")
            _ = try await admin.row(
                """
                INSERT INTO reliability.incident (key, rule, severity, model, provider, title, began_at, opened_at, last_signal_at, impact_from, impact_until,
                    felt)
                VALUES ('k', 'provider_health', 'page', 'tiny', 'alpha', 'alpha is away', '2026-06-02 10:00Z', '2026-06-02 10:01Z', '2026-06-02 11:02Z',
                    '2026-06-02 10:00Z', '2026-06-02 11:02Z', '{[2026-06-02 10:00Z,2026-06-02 10:05Z),[2026-06-02 11:00Z,2026-06-02 11:02Z)}') RETURNING 1
                """)
            let told = try await admin.get("tenants/acme/incidents/export?month=2026-06").json["windows"][0]
            #expect(told["felt_minutes"] == .number(7) && told["bad_minutes"] == .number(2) && told["requests_bad"] == .number(2), "\(told)")
            let id = try #require(told["id"].string)
            #expect(try await admin.get("incidents/\(id)/export").json["felt_minutes"] == .number(7))
            #expect(try await admin.get("incidents/\(id)").json["felt_minutes"] == .number(7))
        }
    }

    @Test func `a tenant that has another plan now is told what it felt in the plan that it had`() async throws {
        try await AdminFixture.run { admin in
            // It asked on the second, as what it was then, and nothing on the third.
            try await acme(admin, asked: ["2026-06-02 10:01Z"], as: "hobby")
            _ = try await admin.row(
                """
                WITH incidents AS (INSERT INTO reliability.incident (key, rule, severity, tier, model, title, began_at, opened_at, last_signal_at, impact_from,
                        impact_until)
                    SELECT felt_by || at::text, 'of ' || felt_by, 'page', felt_by, 'tiny', 'slow', at, at, at, at, at + interval '5 minutes'
                    FROM unnest(ARRAY['hobby', 'pro', 'business']) AS felt_by,
                        unnest(ARRAY['2026-06-02 10:00Z', '2026-06-03 10:00Z']::timestamptz[]) AS at RETURNING 1)
                SELECT count(*) AS made FROM incidents
                """)
            let told = try await admin.get("tenants/acme/incidents/export?month=2026-06").json["windows"]
            let windows = told.elements.map { "\($0["rule"].string ?? "") \($0["impact_from"].string ?? "")" }
            #expect(windows == ["of hobby 2026-06-02T10:00:00Z", "of pro 2026-06-03T10:00:00Z"], "\(told)")
        }
    }
}
