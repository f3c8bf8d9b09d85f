import Domain
import FoundationEssentials
import Logging
import Outbound
import PlimsollWire
import Postgres
import Telemetry
import TestSupport
import Testing

@testable import ControlPlane

@Suite struct StatusPageTests {
    static let now = Date(timeIntervalSince1970: Double(Int64(Date().timeIntervalSince1970) / 60 * 60 + 20))
    static var until: Int64 { Int64(now.timeIntervalSince1970) / 60 }

    /// A model that is sold in `eu` and `us`.
    func withMaker(_ body: (PeerWorld, StatusMaker) async throws -> Void) async throws {
        try await PeerWorld.with { world in
            try await world.pool.execute(
                """
                INSERT INTO serving.skus (name, model, tier, primary_region, backup_region, prompt_price_pico_usd, completion_price_pico_usd, state)
                VALUES ('tiny-pro', 'tiny', 'pro', 'eu', 'us', 1, 1, 'active')
                """)
            let databases = ControlDatabases(world.pool.configuration, logger: world.logger)
            let maker = StatusMaker(databases: databases, news: Bells(), holder: UUID(), metrics: MetricRegistry(), logger: world.logger)
            try await body(world, maker)
            await databases.close()
        }
    }

    /// Minutes before now, with so many good and bad requests in each.
    func traffic(_ world: PeerWorld, _ minutes: Range<Int64>, good: Int64, bad: Int64 = 0, region: String = "eu") async throws {
        try await world.pool.execute(
            """
            INSERT INTO reliability.service_minute (tier, model, region, minute_at, good, bad, excluded, server_errors, shed, over_quota,
                first_token_samples, first_token_over, disconnects)
            SELECT 'pro', 'tiny', \(region), to_timestamp((\(Self.until) - ago) * 60), \(good), \(bad), 0, \(bad), 0, 0, \(good), 0, 0
            FROM generate_series(\(minutes.lowerBound)::bigint, \(minutes.upperBound - 1)::bigint) AS ago
            """)
    }

    func incident(
        _ world: PeerWorld, impactMinutes: Int?, step: String = "detected", drill: Bool = false, resolved: Bool = false, rule: String = "probes",
        tier: String = "pro", severity: String = "page"
    ) async throws -> UUID {
        let row = try await world.pool.queryOne(
            """
            INSERT INTO reliability.incident (key, rule, severity, tier, model, region, provider, title, step, drill, began_at, opened_at,
                last_signal_at, impact_from, impact_until, resolved_at)
            VALUES (\(UUID().uuidString), \(rule), \(severity), \(tier), 'tiny', 'eu', 'alpha', 'Provider alpha is failing', \(step), \(drill),
                \(Self.now)::timestamptz - interval '1 hour', \(Self.now)::timestamptz - interval '1 hour', \(Self.now),
                \(Self.now)::timestamptz - make_interval(mins => \(impactMinutes)), CASE WHEN \(resolved) THEN \(Self.now)::timestamptz END,
                CASE WHEN \(resolved) THEN \(Self.now)::timestamptz END) RETURNING id
            """)
        return try #require(try row?.value("id", as: UUID.self))
    }

    @Test func `components are what is sold, judged by their minutes, and what nobody measured is unmeasured`() async throws {
        try await withMaker { world, maker in
            try await traffic(world, 1..<40, good: 100)
            let snapshot = try await maker.make(at: Self.now)
            #expect(snapshot.components.map { "\($0.model) \($0.region) \($0.status.rawValue)" } == ["tiny eu operational", "tiny us unmeasured"])
            let today = try #require(snapshot.components[0].days.last)
            let hours = snapshot.components[0].hours
            #expect(snapshot.components[0].days.count == 90 && hours.count == 24)
            #expect(hours.reduce(0) { $0 + $1.good } == 39 && hours.reduce(0) { $0 + $1.bad + $1.unmeasured } == 0)
            #expect(today.failedPpm == 0 || today.good == 0)
            #expect(snapshot.components[1].days.allSatisfy { $0.worst == nil })
            #expect(try await maker.make(at: Self.now).version > snapshot.version)
        }
    }

    @Test func `failures, silence and announced work show, each in its own column`() async throws {
        try await withMaker { world, maker in
            try await traffic(world, 1..<6, good: 10, bad: 10)
            // Nothing is known of the ten minutes before, and the ten before those were work.
            try await traffic(world, 16..<26, good: 1, bad: 1)
            try await traffic(world, 26..<60, good: 5)
            try await world.pool.execute(
                """
                INSERT INTO reliability.maintenance_window (region, title, reason, starts_at, ends_at, announced_at, announced_by)
                VALUES ('eu', 'Upgrade', 'new runtime', to_timestamp((\(Self.until) - 25) * 60), to_timestamp((\(Self.until) - 15) * 60),
                    to_timestamp((\(Self.until) - 9000) * 60), 'test')
                """)
            let snapshot = try await maker.make(at: Self.now)
            let hours = snapshot.components[0].hours
            let sum = { (count: (StatusPeriod) -> Int64) in hours.reduce(0) { $0 + count($1) } }
            #expect(snapshot.components[0].status == .majorOutage)
            #expect(sum(\.bad) == 5 && sum(\.good) == 34 && sum(\.excluded) == 10 && sum(\.unmeasured) == 10)
            #expect(hours.last.map { $0.worst != .operational } == true)
            let work = try #require(snapshot.maintenances.first)
            #expect(work.status == .completed && work.updates.map(\.status) == [.completed, .scheduled] && work.components.count == 1)
        }
    }

    @Test func `force majeure that is over is told as over, and makes nothing look worse than it is`() async throws {
        try await withMaker { world, maker in
            try await traffic(world, 1..<40, good: 100)
            try await world.pool.execute(
                """
                INSERT INTO reliability.exclusion (code, reason, region, starts_at, ends_at, requested_by, approved_by, published)
                VALUES ('force_majeure', 'a flood', 'eu', \(SQL.minute(Self.until - 60)), \(SQL.minute(Self.until + 10)), 'a', ARRAY['b', 'c'], true)
                """)
            let id: UUID = try #require(try await world.pool.queryOne("SELECT id FROM reliability.exclusion")).value("id")
            try await world.pool.transaction { try await ForceMajeurePublication.publish(id, by: "c", $0) }
            let open = try await maker.make(at: Self.now)
            #expect(open.incidents.map(\.status) == [.identified] && open.components[0].status == .degradedPerformance)
            for _ in 0..<2 {
                let over = try await maker.make(at: Self.now.addingTimeInterval(700))
                #expect(over.incidents.map(\.status) == [.resolved] && over.incidents[0].updates.count == 2, "\(over.incidents)")
            }
        }
    }

    @Test func `SQL and the rule judge every minute alike`() async throws {
        try await withMaker { world, _ in
            var expected = PublicCounts()
            var generator = SystemRandomNumberGenerator()
            for ago in Int64(1)...200 {
                var evidence = MinuteEvidence()
                let kind = Int.random(in: 0..<4, using: &generator)
                if kind > 0 { (evidence.good, evidence.bad) = (Int64.random(in: 0...40), Int64.random(in: 0...3)) }
                if kind < 3 { (evidence.probeSuccesses, evidence.probeFailures) = (Int64.random(in: 0...1), Int64.random(in: 0...2)) }
                if evidence.good + evidence.bad > 0 { try await traffic(world, ago..<ago + 1, good: evidence.good, bad: evidence.bad) }
                try await world.pool.execute(
                    """
                    INSERT INTO reliability.probe_minute VALUES ('tiny', 'eu', to_timestamp((\(Self.until)::bigint - \(ago)::bigint) * 60),
                        \(evidence.probeSuccesses), \(evidence.probeFailures))
                    """)
                switch evidence.budgetStatus(PublicStatus.minuteRule) {
                case .good, .goodIdle: expected.good += 1
                case .bad, .badIdle: expected.bad += 1
                case .unmeasured, .excluded: break
                }
            }
            let range = StatusHistory.range(.hour, count: 24, until: Self.until)
            let counts = try await StatusEvidence(pool: world.pool).counts(.hour, in: range, without: [])
            #expect(counts.values.reduce(0) { $0 + $1.good } == expected.good && counts.values.reduce(0) { $0 + $1.bad } == expected.bad)
        }
    }

    @Test func `a draft publishes itself after ten minutes of impact, follows its incident, and names no provider`() async throws {
        try await withMaker { world, maker in
            let id = try await incident(world, impactMinutes: 9)
            for second in [0.0, 60] { #expect(try await maker.make(at: Self.now + second).incidents.isEmpty, "felt until its last sign") }
            try await world.pool.execute("UPDATE reliability.incident SET last_signal_at = \(Self.now + 60)")
            let published = try await maker.make(at: Self.now.addingTimeInterval(60))
            let told = try #require(published.incidents.first)
            #expect(told.status == .investigating && told.impact == .major && told.components.count == 1 && told.updates.count == 1)
            #expect(!String(decoding: try WireCoder.encode(published), as: UTF8.self).lowercased().contains("alpha"))
            #expect(published.components[0].status != .operational)
            try await world.pool.execute("UPDATE reliability.incident SET step = 'mitigated', mitigated_at = \(Self.now) WHERE id = \(id)")
            try await world.pool.execute(
                """
                UPDATE reliability.incident SET step = 'reported', resolved_at = \(Self.now), reported_at = \(Self.now), impact_until = \(Self.now),
                    postmortem = '{"root_cause": "Machines of Alpha went away", "prevention": "a second source", "customer_effect": "slow answers"}' WHERE id = \(id)
                """)
            let over = try #require(try await maker.make(at: Self.now.addingTimeInterval(120)).incidents.first)
            #expect(
                over.status == .postmortem && over.note?.rootCause == "Machines of a capacity source went away" && over.note?.durationMinutes == 9
                    && over.note?.effect == "slow answers")
            #expect(try await world.count("SELECT 1 FROM reliability.incident WHERE published_at IS NOT NULL") == 1)
        }
    }

    @Test func `whoever writes by hand is not contradicted, and what is further is told again`() async throws {
        try await withMaker { world, maker in
            let id = try await incident(world, impactMinutes: 30)
            _ = try await maker.make(at: Self.now)
            func write(_ status: String) async throws {
                try await world.pool.execute(
                    """
                    INSERT INTO reliability.status_update (post_id, status, body, actor)
                    SELECT id, \(status), 'A switch failed.', 'token:1' FROM reliability.status_post
                    """)
            }
            func told(_ step: String) async throws -> [StatusStep] {
                try await world.pool.execute(
                    "UPDATE reliability.incident SET step = \(step), mitigated_at = \(Self.now) WHERE id = \(id)")
                for _ in 0..<2 { _ = try await maker.make(at: Self.now) }
                return try await maker.make(at: Self.now).incidents[0].updates.map(\.status)
            }
            try await write("identified")
            #expect(try await told("detected") == [.identified, .investigating])
            #expect(try await told("diagnosed").count == 2, "it has been said")
            #expect(try await told("mitigated") == [.monitoring, .identified, .investigating])
            try await write("identified")
            #expect(try await told("mitigated").count == 4, "each step is told once")
            #expect(try await told("detected").first == .identified)
        }
    }

    @Test(arguments: [#"{"end": "clean_minutes"}"#, #"{"end": "person"}"#, "{}"])
    func `the public is told what ended an incident, and that nothing but clean minutes kept what is promised`(detail: String) async throws {
        try await withMaker { world, maker in
            let id = try await incident(world, impactMinutes: 30, step: "resolved", resolved: true)
            try await world.pool.execute(
                """
                INSERT INTO reliability.incident_event (incident_id, at, kind, actor, text, detail)
                VALUES (\(id), now(), 'resolved', 'test', 'it is over', \(detail)::jsonb)
                """)
            let body = try #require(try await maker.make(at: Self.now).incidents.first?.updates.first?.body)
            #expect(body.hasSuffix(" It lasted 30 minutes.") && body.contains("as promised for 10 minutes") == detail.contains("clean"), "\(body)")
            #expect(body.hasPrefix("One of us") == detail.contains("person"), "\(body)")
        }
    }

    @Test func `short impact and vetoed drafts are never published, and a drill is told as one`() async throws {
        try await withMaker { world, maker in
            _ = try await incident(world, impactMinutes: 4, step: "resolved", resolved: true)
            let vetoed = try await incident(world, impactMinutes: 30)
            try await world.pool.execute("UPDATE reliability.incident SET veto_reason = 'a mistake of the meter' WHERE id = \(vetoed)")
            _ = try await incident(world, impactMinutes: nil, drill: true)
            let incidents = try await maker.make(at: Self.now.addingTimeInterval(3_600)).incidents
            #expect(incidents.map(\.title) == ["Drill: Disruption of tiny in eu"] && incidents.first?.impact == StatusImpact.none)
            #expect(try await world.count("SELECT 1 FROM reliability.status_post WHERE vetoed_at IS NOT NULL") == 1)
        }
    }

    @Test func `of one trouble the public hears once, of the models that it touches, and of lost capacity only what customers felt`() async throws {
        try await withMaker { world, maker in
            let (provider, _) = (
                try await incident(world, impactMinutes: 30, rule: "provider_health"),
                try await incident(world, impactMinutes: 30, rule: "redundancy")
            )
            try await world.pool.execute(
                """
                UPDATE reliability.incident SET model = '', snapshot = '{"fleet": {"workers": [{"model": "tiny"}, {"model": "other"}]}}' WHERE id = \(provider)
                """)
            #expect(try await maker.make(at: Self.now).incidents.map(\.title) == ["Disruption of other, tiny in eu"])
            #expect(try await world.count("SELECT 1 FROM reliability.status_post WHERE models = '{other,tiny}' AND regions = '{eu,eu}'") == 1)
        }
        try await withMaker { world, maker in
            _ = try await incident(world, impactMinutes: 30, rule: "provider_health")
            _ = try await incident(world, impactMinutes: 20, rule: "server_errors")
            _ = try await incident(world, impactMinutes: 9, rule: "worker_health")
            _ = try await maker.make(at: Self.now)
            let told =
                "SELECT 1 FROM reliability.status_post AS post JOIN reliability.incident ON incident.id = incident_id WHERE post.published_at IS NOT NULL"
                as SQL
            #expect(try await world.count(told) == 1)
            #expect(try await world.count("\(told) AND rule = 'server_errors'") == 1)
        }
        try await withMaker { world, maker in
            // What was felt for a short time and stands open is told by nobody, and holds nothing back.
            let short = try await incident(world, impactMinutes: 20, rule: "first_token_late")
            try await world.pool.execute("UPDATE reliability.incident SET last_signal_at = \(Self.now)::timestamptz - interval '18 minutes'")
            #expect(try await maker.make(at: Self.now).incidents.isEmpty)
            _ = try await incident(world, impactMinutes: 12, rule: "server_errors")
            #expect(try await maker.make(at: Self.now).incidents.count == 1)
            #expect(try await world.count("SELECT 1 FROM reliability.status_post WHERE incident_id = \(short) AND told_by IS NOT NULL") == 1)
        }
    }

    @Test func `an outage that several tiers feel is one post, which is as bad and as far as the worst of them`() async throws {
        try await withMaker { world, maker in
            let first = try await incident(world, impactMinutes: 12, rule: "server_errors", severity: "ticket")
            let second = try await incident(world, impactMinutes: 11, rule: "server_errors", tier: "business")
            let told = try await maker.make(at: Self.now).incidents
            #expect(told.count == 1 && told[0].impact == .major && told[0].updates.count == 1, "\(told)")
            let third = try await incident(world, impactMinutes: 1, rule: "first_token_late", tier: "hobby")
            let move = { (id: UUID, step: String, ends: Bool) async throws in
                _ = try await world.pool.execute(
                    """
                    UPDATE reliability.incident SET step = \(step), resolved_at = CASE WHEN \(ends) THEN \(Self.now)::timestamptz END,
                        impact_until = CASE WHEN \(ends) THEN \(Self.now)::timestamptz END WHERE id = \(id)
                    """)
            }
            try await move(first, "resolved", true)
            try await move(second, "mitigated", false)
            #expect(try await maker.make(at: Self.now.addingTimeInterval(1_200)).incidents.map(\.status) == [.investigating])
            try await move(third, "resolved", true)
            #expect(try await maker.make(at: Self.now.addingTimeInterval(1_260)).incidents.map(\.status) == [.monitoring])
            try await move(second, "resolved", true)
            let over = try await maker.make(at: Self.now.addingTimeInterval(1_320)).incidents
            #expect(over.map(\.status) == [.resolved] && over[0].updates[0].body.contains("It lasted 12 minutes."), "\(over)")
            #expect(try await world.count("SELECT 1 FROM reliability.status_post WHERE told_by IS NOT NULL") == 2)
            #expect(try await world.count("SELECT 1 FROM reliability.incident WHERE published_at IS NOT NULL") == 3)
        }
    }

    @Test func `a later outage of the same place is a post of its own, and a region has the name that the public knows`() async throws {
        try await withMaker { world, maker in
            try await world.pool.execute("UPDATE reliability.status_settings SET region_names = '{\"eu\": \"Europe\"}'")
            let first = try await incident(world, impactMinutes: 30, rule: "server_errors")
            #expect(try await maker.make(at: Self.now).incidents.map(\.title) == ["Disruption of tiny in Europe"])
            try await world.pool.execute(
                """
                UPDATE reliability.incident SET step = 'resolved', resolved_at = \(Self.now), impact_until = \(Self.now)::timestamptz - interval '15 minutes'
                WHERE id = \(first)
                """)
            _ = try await incident(world, impactMinutes: 11, rule: "server_errors", tier: "business")
            #expect(try await maker.make(at: Self.now).incidents.map(\.status) == [.investigating, .resolved])
        }
    }

    @Test func `a drill that nobody feels is told once, and makes nothing look worse than it is`() async throws {
        try await withMaker { world, maker in
            try await traffic(world, 1..<40, good: 100)
            _ = try await incident(world, impactMinutes: nil, drill: true)
            _ = try await incident(world, impactMinutes: nil, drill: true, rule: "redundancy")
            let snapshot = try await maker.make(at: Self.now)
            #expect(snapshot.incidents.count == 1 && snapshot.incidents.first?.isOpen == true)
            #expect(snapshot.components.first?.status == .operational)
        }
    }

    @Test func `names are refused however they are written: of providers, hosts and other customers`() async throws {
        try await AdminFixture.run { admin in
            _ = try await admin.post("providers", #"{"name": "lambda-labs", "display_name": "LL", "kind": "independent"}"#)
            _ = try await admin.post("pools", #"{"name": "lambda-eu", "provider": "lambda-labs", "region": "eu"}"#)
            _ = try await admin.tenant("umbrella")
            let host = UUID().uuidString.lowercased()
            _ = try await admin.row(
                """
                INSERT INTO serving.hosts (id, name, pool, region, boot_id, inventory)
                VALUES (\(host)::uuid, 'one', 'lambda-eu', 'eu', 'b', '{"hostname": "gpu-17.dc.example"}')
                """)
            for words in ["lambda_labs", "Lambda Labs", "LL", "gpu-17.dc.example", "host \(host)", "umbrella", "ACME"] {
                let refused = try await admin.post("status-posts", "{\"kind\": \"incident\", \"title\": \"Slow\", \"body\": \"It was \(words).\"}")
                #expect(refused.status == 400, "\(words) \(refused.text)")
            }
            let body = #"{"kind": "incident", "title": "Slow in eu", "body": "A switch failed, and all of it is well."}"#
            #expect(try await admin.post("status-posts", body).status == 201)
            let reason = { (words: String) in
                """
                {"tenant": "umbrella", "code": "misuse", "reason": "\(words)", "starts_at": "2026-06-01T02:00:00Z", "ends_at": "2026-06-01T03:00:00Z"}
                """
            }
            #expect(try await admin.post("exclusions", reason("a burst of umbrella")).status == 201, "its own name may stand")
            #expect(try await admin.post("exclusions", reason("a burst beside lambda_labs")).status == 400)
        }
    }

    @Test func `what a person publishes in spite of a veto is on record of its incident, which is vetoed no more`() async throws {
        try await AdminFixture.run { admin in
            _ = try await admin.row(
                """
                WITH known AS (INSERT INTO reliability.incident (key, rule, severity, title, began_at, opened_at, last_signal_at, impact_from, veto_reason)
                    VALUES ('k', 'probes', 'page', 'Failing', now(), now(), now(), now(), 'a mistake') RETURNING id)
                INSERT INTO reliability.status_post (kind, incident_id, title, impact, models, regions, began_at, created_by, vetoed_at, vetoed_by, veto_reason)
                SELECT 'incident', id, 'Disruption', 'major', '{}', '{}', now(), 'automatic', now(), 'incident', 'a mistake' FROM known
                """)
            let id = try #require(try await admin.get("status-posts").json["data"][0]["id"].string)
            #expect(try await admin.post("status-posts/\(id)/publish").status == 200)
            let row = try #require(
                try await admin.row(
                    """
                    SELECT published_at IS NOT NULL AS published, veto_reason IS NULL AS free, (SELECT string_agg(actor, ',') FROM reliability.incident_event
                        WHERE incident_id = incident.id AND kind = 'published') AS actor FROM reliability.incident
                    """))
            #expect(try row.value("published", as: Bool.self) && row.value("free", as: Bool.self))
            #expect(try row.value("actor", as: String?.self)?.hasPrefix("token:") == true)
        }
    }

    @Test func `what is open stays on the page, however old it is and however much came after it`() async throws {
        try await withMaker { world, maker in
            try await traffic(world, 1..<40, good: 100)
            try await world.pool.execute(
                """
                INSERT INTO reliability.status_post (kind, title, impact, models, regions, began_at, published_at, created_by)
                VALUES ('incident', 'Long', 'minor', '{tiny}', '{eu}', now() - interval '100 days', now() - interval '100 days', 'test')
                """)
            try await world.pool.execute(
                """
                WITH post AS (INSERT INTO reliability.status_post (kind, title, impact, models, regions, began_at, published_at, created_by)
                    SELECT 'incident', 'Short', 'minor', '{tiny}', '{us}', now(), now(), 'test' FROM generate_series(1, 101) RETURNING id)
                INSERT INTO reliability.status_update (post_id, status, body, actor) SELECT id, 'resolved', 'Over.', 'test' FROM post
                """)
            let snapshot = try await maker.make(at: Self.now)
            #expect(snapshot.incidents.filter(\.isOpen).map(\.title) == ["Long"] && snapshot.incidents.count == 101)
            #expect(snapshot.components[0].status == .degradedPerformance)
        }
    }

    @Test func `published words cannot be changed, and names of providers are refused`() async throws {
        try await AdminFixture.run { admin in
            _ = try await admin.post("providers", #"{"name": "alpha", "display_name": "Alpha Compute", "kind": "independent"}"#)
            let refused = try await admin.post("status-posts", #"{"kind": "incident", "title": "Alpha Compute is down", "body": "sorry"}"#)
            #expect(refused.status == 400 && refused.text.contains("alpha"))
            let post = try await admin.post("status-posts", #"{"kind": "incident", "title": "Slow", "body": "About 4 % failed."}"#)
            let id = try #require(post.json["id"].string)
            #expect(post.json["published_at"].string != nil)
            let corrected = try await admin.post("status-posts/\(id)/correct", #"{"body": "About 9 % failed."}"#)
            #expect(corrected.json["updates"].elements.count == 2 && corrected.json["updates"][1]["corrects"] == post.json["updates"][0]["id"])
            #expect(try await admin.post("status-posts/\(id)/veto", #"{"reason": "too late"}"#).status == 409)
            await #expect(throws: PostgresError.self) { _ = try await admin.row("UPDATE reliability.status_update SET body = 'x'") }
            await #expect(throws: PostgresError.self) { _ = try await admin.row("DELETE FROM reliability.status_update") }
        }
    }

    @Test func `what is about a model or region that is not there is not published, nor announced`() async throws {
        try await AdminFixture.run { admin in
            _ = try await admin.post("providers", #"{"name": "alpha", "display_name": "Alpha Compute", "kind": "independent"}"#)
            _ = try await admin.post("pools", #"{"name": "alpha-eu", "provider": "alpha", "region": "eu"}"#)
            _ = try await admin.post("models", #"{"name": "tiny", "display_name": "Tiny", "context_tokens": 2048}"#)
            let post = #""kind": "incident", "title": "Slow", "body": "The cause is not known.""#
            let work = #""title": "Upgrade", "reason": "new racks", "starts_at": "2090-06-01T02:00:00Z", "ends_at": "2090-06-01T03:00:00Z""#
            for (path, fields) in [("status-posts", post), ("maintenance-windows", work)] {
                let refused = try await admin.post(path, "{\(fields), \"model\": \"tyni\", \"region\": \"ue\"}")
                #expect(refused.status == 400 && refused.json["error"]["faults"].elements.count == 2, "\(refused.text)")
                let made = try await admin.post(path, "{\(fields), \"model\": \"tiny\", \"region\": \"eu\"}")
                #expect(made.status == 201, "\(made.text)")
            }
        }
    }

    /// One held the lease and stood still for longer than it lasts.
    @Test func `two who make the page at the same time say each thing once`() async throws {
        try await withMaker { world, maker in
            let (id, pool) = (try await incident(world, impactMinutes: 30), world.pool)
            try await pool.execute(
                """
                INSERT INTO reliability.maintenance_window (region, title, reason, starts_at, ends_at, announced_at, announced_by)
                VALUES ('eu', 'Upgrade', 'new runtime', \(SQL.minute(Self.until + 30)), \(SQL.minute(Self.until + 120)), now(), 'test')
                """)
            try await maker.make(at: Self.now)
            try await pool.execute("UPDATE reliability.incident SET step = 'mitigated' WHERE id = \(id)")
            let later = Self.now.addingTimeInterval(3_600)
            let desks = (0..<2).map { _ in PublicationDesk(serving: pool, reliability: pool) }
            try await withThrowingTaskGroup { group in
                try await pool.transaction { connection in
                    try await connection.query("SELECT id FROM reliability.status_post FOR UPDATE")
                    for desk in desks { group.addTask { try await desk.tend(at: later) } }
                    // Not by this connection: a transaction sees of that what it saw at first.
                    let waiting: SQL = "SELECT 1 AS one FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                    try await Waiting.until("both wait for the post", within: .seconds(30)) { try await world.count(waiting) == 2 }
                }
                try await group.waitForAll()
            }
            let told = try await maker.make(at: later)
            #expect(told.incidents.map { $0.updates.map(\.status) } == [[.monitoring, .investigating]])
            #expect(told.maintenances.map { $0.updates.map(\.status) } == [[.inProgress, .scheduled]])
        }
    }

    @Test func `a turn that changes nothing wakes nobody`() async throws {
        try await withMaker { world, maker in
            try await maker.make(at: Self.now)
            let listener = NotificationListener(
                configuration: world.pool.configuration, channels: ["plimsoll_status_news"], logger: world.logger)
            let listening = Task { await listener.run() }
            var events = listener.events.makeAsyncIterator()
            guard case .connected? = await events.next() else {
                Issue.record("no connection")
                return
            }
            try await maker.make(at: Self.now)
            _ = try await world.pool.query("SELECT pg_notify('plimsoll_status_news', 'the end')")
            guard case .notified(_, let payload)? = await events.next() else {
                Issue.record("nothing came")
                return
            }
            #expect(payload == "the end")
            listening.cancel()
        }
    }

    @Test func `gateways pull the page with its age, and wait for the next one`() async throws {
        try await PeerFixture.run { fixture in
            let (_, identity) = try await fixture.join(.gateway)
            var first = try await fixture.get(GatewayPath.status, as: identity)
            while first.status == 503 { first = try await fixture.get(GatewayPath.status, as: identity) }
            #expect(first.status == 200 && first.header("x-plimsoll-status-age") != nil)
            let page = try WireCoder.decode(StatusPublication.self, from: first.body)
            #expect(first.header("etag") == "\"\(page.version)\"")
            // News makes a page at once.
            try await fixture.world.pool.execute("UPDATE reliability.status_settings SET page_name = 'Harbour'")
            let next = try await fixture.get("\(GatewayPath.status)?since=\(page.version)&wait=20", as: identity)
            #expect(next.status == 200 && next.header("etag") != first.header("etag"))
            #expect(try await fixture.get(GatewayPath.status).status == 401)
        }
    }
}
