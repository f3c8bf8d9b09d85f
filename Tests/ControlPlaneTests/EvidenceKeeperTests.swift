import Cryptography
import Domain
import FoundationEssentials
import Postgres
import Logging
import Telemetry
import TestSupport
import Testing

@testable import ControlPlane

/// A tenant that is subscribed to one model, with minutes and probes at will and a clock that is set.
struct EvidenceWorld: Sendable {
    let world: PeerWorld
    let databases: ControlDatabases
    let tenant: UUID
    let signer: EvidenceSigner
    /// One keeper after the other holds the same lease.
    private let holder = UUID()
    static let month = BillingPeriod(year: 2026, month: 6)
    static var start: Int64 { month.minutes.lowerBound }

    static func with(_ body: (EvidenceWorld) async throws -> Void) async throws {
        try await PeerWorld.with { world in
            let databases = ControlDatabases(world.pool.configuration, logger: world.logger)
            for month in ["2026-05-01", "2026-06-01", "2026-07-01"] {
                for table in ["reliability.minute", "reliability.minute_total", "reliability.service_minute", "reliability.probe_minute"] {
                    _ = try await world.pool.query("SELECT upkeep.ensure_month((\(table)::text)::regclass, (\(month)::text)::date)")
                }
            }
            let row = try await world.pool.queryOne(
                "INSERT INTO serving.tenants (name, display_name, tier) VALUES ('acme', 'Acme', 'pro') RETURNING id")
            try await world.pool.execute(
                """
                INSERT INTO serving.skus (name, model, tier, primary_region, prompt_price_pico_usd, completion_price_pico_usd, state)
                VALUES ('tiny-pro', 'tiny', 'pro', 'eu', 1, 1, 'active')
                """)
            let signer = try #require(EvidenceSigner(trustDomain: "test", key: SigningKey(rawBytes: Array(1...32))))
            try await body(EvidenceWorld(world: world, databases: databases, tenant: try #require(row).value("id"), signer: signer))
            await databases.close()
        }
    }

    /// One turn of the keeper at a minute, with what is before `closed` closed.
    func turn(at minute: Int64, closed: Int64) async throws {
        try await close(until: closed)
        try await keeper(at: minute).turn()
    }

    func close(until closed: Int64) async throws {
        try await world.pool.execute(
            """
            INSERT INTO reliability.minute_progress (closed_until) VALUES (to_timestamp(\(closed) * 60))
            ON CONFLICT (single) DO UPDATE SET closed_until = EXCLUDED.closed_until
            """)
    }

    func keeper(at minute: Int64, _ metrics: MetricRegistry = MetricRegistry()) -> EvidenceKeeper {
        EvidenceKeeper(
            databases: databases, signer: signer, holder: holder, now: { Date(timeIntervalSince1970: Double(minute * 60 + 30)) },
            metrics: metrics, logger: world.logger)
    }

    func probes(_ minutes: Range<Int64>) async throws {
        try await world.pool.execute(
            """
            INSERT INTO reliability.probe_minute (model, region, minute_at, successes, failures)
            SELECT 'tiny', 'eu', to_timestamp(minute * 60), 1, 0 FROM generate_series(\(minutes.lowerBound)::bigint, \(minutes.upperBound - 1)::bigint) AS minute
            """)
    }

    func traffic(_ minute: Int64, good: Int64, bad: Int64 = 0, model: String = "tiny") async throws {
        try await world.pool.execute(
            """
            INSERT INTO reliability.minute_total (tenant_id, model, region, minute_at, tier, good, bad, excluded, server_errors, shed, over_quota,
                first_token_samples, first_token_over, disconnects)
            VALUES (\(tenant), \(model), 'eu', to_timestamp(\(minute) * 60), 'pro', \(good), \(bad), 0, \(bad), 0, 0, \(good), 0, 0)
            ON CONFLICT (tenant_id, model, region, minute_at) DO UPDATE SET good = EXCLUDED.good, bad = EXCLUDED.bad
            """)
    }

    /// Terms of 99.9 % where any bad request spoils a minute, for 500 dollars a month.
    func agree(from minute: Int64) async throws {
        try await world.pool.execute(
            """
            WITH made AS (INSERT INTO reliability.terms (name, version, title, tier, created_by) VALUES ('pro', 1, 'Pro', 'pro', 'test') RETURNING id)
            INSERT INTO reliability.agreement (tenant_id, terms_id, model, region, state, starts_at, monthly_minimum_micro_usd, evidence, requested_by)
            SELECT \(tenant), made.id, 'tiny', 'eu', 'active', to_timestamp(\(minute * 60)::bigint), 500000000, '{}', 'test' FROM made
            """)
    }

    func trees() async throws -> [TenantTree] {
        try await world.pool.query("SELECT \(TenantTree.columns) FROM reliability.evidence_tree ORDER BY month").map { try TenantTree($0) }
    }

    /// Subscribes just before the month.
    func begin() async throws {
        try await turn(at: Self.start - 10, closed: Self.start - 20)
    }
}

private struct Killed: Error {}

@Suite struct EvidenceKeeperTests {
    @Test func `a month has one leaf for each minute, and its bundle is verified without us`() async throws {
        try await EvidenceWorld.with { evidence in
            let month = EvidenceWorld.month.minutes
            try await evidence.probes((month.lowerBound - 20)..<(month.upperBound + 60))
            for minute in 0..<50 { try await evidence.traffic(month.lowerBound + Int64(minute) * 700, good: 3, bad: minute < 44 ? 1 : 0) }
            try await evidence.begin()
            for closed in [month.lowerBound + 7, month.lowerBound + 10_000, month.upperBound - 3, month.upperBound + 5] {
                try await evidence.turn(at: closed + 15, closed: closed)
            }
            let trees = try await evidence.trees()
            #expect(trees.map(\.month.description) == ["2026-05", "2026-06", "2026-07"])
            let june = try #require(trees.first { $0.month == EvidenceWorld.month })
            #expect(june.isComplete && june.frontier.count == 43_200)
            let stretches = try await TenantLeaves.read(june, evidence.world.pool)
            #expect(EvidenceWalk.frontier(stretches) == june.frontier)
            let maker = BundleMaker(databases: evidence.databases, signer: evidence.signer)
            try await evidence.turn(at: month.upperBound + 90, closed: month.upperBound + 75)
            let bundle = try await maker.make(june)
            let again = try await maker.make(june)
            #expect(again == bundle)
            let found = BundleVerification(Array(bundle.utf8), key: evidence.signer.noteKey)
            #expect(found.holds, "\(found.steps)")
            #expect(found.steps.contains { $0.finding.contains("43156 good of 43200 minutes (44 bad, 0 of them unmeasured") }, "\(found.steps)")
        }
    }

    @Test func `without an agreement a bundle shows the objective that holds, and reasons name no provider`() async throws {
        try await EvidenceWorld.with { evidence in
            let month = EvidenceWorld.month.minutes
            try await evidence.world.pool.execute(
                """
                INSERT INTO reliability.objective (name, kind, tier, target_ppm, bad_above_ppm) VALUES ('own', 'availability', 'pro', 995000, 300000)
                """)
            try await evidence.probes((month.lowerBound - 20)..<(month.upperBound + 60))
            for minute in 0..<50 { try await evidence.traffic(month.lowerBound + Int64(minute) * 700, good: 3, bad: minute < 44 ? 1 : 0) }
            try await evidence.begin()
            try await evidence.turn(at: month.upperBound + 90, closed: month.upperBound + 75)
            let maker = BundleMaker(databases: evidence.databases, signer: evidence.signer)
            let june = try #require(try await evidence.trees().first { $0.month == EvidenceWorld.month })
            let bundle = try await maker.make(june)
            #expect(bundle.contains("\nterms|objective own|199/200|above 3/10|"), "\(bundle.prefix(600))")
            let found = BundleVerification(Array(bundle.utf8), key: evidence.signer.noteKey)
            #expect(found.holds && found.steps.contains { $0.finding.contains("43200 good of 43200 minutes") }, "\(found.steps)")
        }
        try await EvidenceWorld.with { evidence in
            let month = EvidenceWorld.month.minutes
            try await evidence.agree(from: month.lowerBound)
            try await evidence.world.pool.execute(
                """
                WITH owner AS (INSERT INTO serving.providers (name, display_name, kind) VALUES ('harbour-gpu', 'Harbour GPU', 'independent') RETURNING name),
                work AS (INSERT INTO reliability.maintenance_window (title, reason, starts_at, ends_at, announced_at, announced_by)
                    SELECT 'Disks', 'disks of ' || name, to_timestamp(\((month.lowerBound + 20_990) * 60)::bigint),
                        to_timestamp(\((month.lowerBound + 21_010) * 60)::bigint), to_timestamp(\(month.lowerBound * 60)::bigint), 'test' FROM owner)
                INSERT INTO reliability.exclusion (tenant_id, code, reason, starts_at, ends_at, requested_by, approved_by)
                SELECT \(evidence.tenant), 'customer_network', 'no way to ' || replace(name, '-', '_'), to_timestamp(\(month.lowerBound * 60)::bigint),
                    to_timestamp(\((month.lowerBound + 5) * 60)::bigint), 'a', ARRAY['b'] FROM owner
                """)
            try await evidence.probes((month.lowerBound - 20)..<(month.upperBound + 60))
            try await evidence.begin()
            try await evidence.turn(at: month.upperBound + 90, closed: month.upperBound + 75)
            let june = try #require(try await evidence.trees().first { $0.month == EvidenceWorld.month })
            let bundle = try await BundleMaker(databases: evidence.databases, signer: evidence.signer).make(june)
            #expect(
                bundle.contains("disks of a capacity source") && bundle.contains("no way to a capacity source")
                    && !bundle.lowercased().contains("harbour"))
        }
    }

    @Test(arguments: [-1_440, 12_960])
    func `what is credited on the invoice is what the verifier computes`(agreedAfter: Int64) async throws {
        try await EvidenceWorld.with { evidence in
            let month = EvidenceWorld.month.minutes
            try await evidence.agree(from: month.lowerBound + agreedAfter)
            try await evidence.probes((month.lowerBound - 20)..<(month.upperBound + 10_000))
            for minute in 0..<60 { try await evidence.traffic(month.lowerBound + Int64(minute) * 700, good: 3, bad: 1) }
            try await evidence.world.pool.execute(
                """
                INSERT INTO reliability.maintenance_window (title, reason, starts_at, ends_at, announced_at, announced_by)
                VALUES ('Disks', 'new disks', to_timestamp(\((month.lowerBound + 20_990) * 60)::bigint),
                    to_timestamp(\((month.lowerBound + 21_010) * 60)::bigint), to_timestamp(\((month.lowerBound + 10_000) * 60)::bigint), 'test')
                """)
            try await evidence.begin()
            try await evidence.turn(at: month.upperBound + 5_800, closed: month.upperBound + 5_760)
            try await CreditLedger(evidence.databases).computeDue(at: Date(timeIntervalSince1970: Double(month.upperBound + 5_800) * 60))
            try await evidence.turn(at: month.upperBound + 5_880, closed: month.upperBound + 5_760)
            let row = try #require(try await evidence.world.pool.queryOne("SELECT amount_cents FROM reliability.credit WHERE month = '2026-06'"))
            let june = try #require(try await evidence.trees().first { $0.month == EvidenceWorld.month })
            let bundle = try await BundleMaker(databases: evidence.databases, signer: evidence.signer).make(june)
            let found = BundleVerification(Array(bundle.utf8), key: evidence.signer.noteKey)
            #expect(found.holds, "\(found.steps)")
            #expect(try row.value("amount_cents", as: Int.self) > 0)
            #expect(found.steps.contains { $0.title == "credit" && $0.finding.contains("as recorded in version 1") }, "\(found.steps)")
            #expect(bundle.contains("new disks") && bundle.contains("the agreement begins then") == (agreedAfter > 0))
        }
    }

    @Test(arguments: TreeCloser.Step.allCases)
    func `a closer that is killed goes on without a gap or a double`(step: TreeCloser.Step) async throws {
        try await EvidenceWorld.with { evidence in
            let start = EvidenceWorld.start
            try await evidence.begin()
            try await evidence.traffic(start + 5, good: 1)
            try await evidence.traffic(start + 1_500, good: 2, bad: 1)
            let wanted: EvidenceSubscriptions.Places = [EvidenceSubscriptions.Place(model: "tiny", region: "eu"): nil]
            for limit in [start + 30, start + 1_441, start + 2_000] {
                let closer = TreeCloser(pool: evidence.databases.reliability) { if $0 == step { throw Killed() } }
                await #expect(throws: Killed.self, "\(limit)") {
                    // A pass that ends at no day's end has no root to note.
                    try await closer.close(evidence.tenant, wanted: wanted, until: limit, now: limit + 15)
                }
                try await TreeCloser(pool: evidence.databases.reliability)
                    .close(evidence.tenant, wanted: wanted, until: limit, now: limit + 15)
            }
            let june = try #require(try await evidence.trees().last)
            let stretches = try await TenantLeaves.read(june, evidence.world.pool)
            #expect(june.next == start + 2_000 && stretches.count == 1)
            #expect(stretches.first?.since == start && stretches.first?.runs.count == 2_000)
            #expect(EvidenceWalk.frontier(stretches) == june.frontier)
            #expect(stretches.first?.runs.counts(at: 1_500)?.status == .bad && stretches.first?.runs.counts(at: 5)?.good == 1)
            #expect(try await evidence.world.count("SELECT 1 FROM reliability.evidence_fact WHERE kind = 'root' AND month = '2026-06-01'") == 1)
        }
    }

    @Test(arguments: PublicLog.Step.allCases)
    func `a log whose writer is killed has each fact once`(step: PublicLog.Step) async throws {
        try await EvidenceWorld.with { evidence in
            try await evidence.begin()
            var log = PublicLog(pool: evidence.databases.reliability)
            log.reached = { if $0 == step { throw Killed() } }
            let closer = TreeCloser(pool: evidence.databases.reliability)
            let wanted: EvidenceSubscriptions.Places = [EvidenceSubscriptions.Place(model: "tiny", region: "eu"): nil]
            try await closer.close(evidence.tenant, wanted: wanted, until: EvidenceWorld.start + 3_000, now: EvidenceWorld.start + 3_015)
            await #expect(throws: Killed.self) { try await log.append() }
            try await PublicLog(pool: evidence.databases.reliability).append()
            try await PublicLog(pool: evidence.databases.reliability).append()
            // The last day of May and two of June.
            let entries = try await log.entries(0..<10)
            #expect(entries.count == 3 && Set(entries).count == 3)
            try await log.sign(evidence.signer, hour: 1_000_000)
            let note = try #require(try await log.checkpoint().flatMap { SignedNote($0) })
            let head = try #require(LogCheckpoint(note.text))
            #expect(note.isSigned(by: evidence.signer.noteKey) && head.size == 3)
            #expect(MerkleTree.root(entries.map { MerkleTree.leafHash($0.utf8) }[...]) == head.root)
        }
    }

    @Test func `two closers at once make one tree`() async throws {
        try await EvidenceWorld.with { evidence in
            try await evidence.begin()
            try await evidence.close(until: EvidenceWorld.start + 4_000)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        let closer = TreeCloser(pool: evidence.databases.reliability)
                        let place = EvidenceSubscriptions.Place(model: "tiny", region: "eu")
                        // The others' work is done when they come to it; a conflict is tried again by the next turn.
                        try? await closer.close(
                            evidence.tenant, wanted: [place: nil], until: EvidenceWorld.start + 4_000, now: EvidenceWorld.start + 4_015)
                    }
                }
            }
            try await evidence.keeper(at: EvidenceWorld.start + 4_015).turn()
            let june = try #require(try await evidence.trees().last)
            let stretches = try await TenantLeaves.read(june, evidence.world.pool)
            #expect(june.frontier.count == 4_000 && EvidenceWalk.frontier(stretches) == june.frontier)
        }
    }

    @Test func `what is used without a subscription has leaves from its first request to the end of the month`() async throws {
        try await EvidenceWorld.with { evidence in
            let start = EvidenceWorld.start
            try await evidence.begin()
            try await evidence.traffic(start + 100, good: 1, model: "other")
            try await evidence.turn(at: start + 215, closed: start + 200)
            try await evidence.turn(at: EvidenceWorld.month.minutes.upperBound + 100, closed: EvidenceWorld.month.minutes.upperBound + 10)
            let june = try #require(try await evidence.trees().first { $0.month == EvidenceWorld.month })
            let other = try await TenantLeaves.read(june, evidence.world.pool).filter { $0.series.model == "other" }
            #expect(other.map(\.since) == [start + 100] && other.map(\.until) == [EvidenceWorld.month.minutes.upperBound])
            #expect(june.frontier.count == 43_200 + 43_100)
        }
    }

    @Test func `a subscription that ended and came again has each minute once`() async throws {
        try await EvidenceWorld.with { evidence in
            let start = EvidenceWorld.start
            let sku = { (state: String) in try await evidence.world.pool.execute("UPDATE serving.skus SET state = \(state)") }
            try await evidence.turn(at: start, closed: start)
            _ = try await sku("retired")
            try await evidence.turn(at: start + 5, closed: start)
            _ = try await sku("active")
            try await evidence.turn(at: start + 8, closed: start)
            for minute: Int64 in [2, 6] { try await evidence.traffic(start + minute, good: 1) }
            try await evidence.turn(at: start + 30, closed: start + 20)
            #expect(try await evidence.trees().map(\.frontier.count) == [5 + 14])
        }
    }

    @Test func `a promise has leaves from its first minute on, however long nobody made any`() async throws {
        try await EvidenceWorld.with { evidence in
            let start = EvidenceWorld.start
            try await evidence.agree(from: start + 10)
            try await evidence.probes(start..<start + 3_000)
            try await evidence.turn(at: start + 2_915, closed: start + 2_900)
            #expect(try await evidence.trees().map(\.frontier.count) == [2_890])
        }
    }

    @Test func `a late report is a correction and never an edit`() async throws {
        try await EvidenceWorld.with { evidence in
            let start = EvidenceWorld.start
            try await evidence.begin()
            try await evidence.traffic(start + 5, good: 3)
            try await evidence.turn(at: start + 45, closed: start + 30)
            let before = try #require(try await evidence.trees().last).frontier
            try await evidence.traffic(start + 5, good: 3, bad: 2)
            try await evidence.turn(at: start + 46, closed: start + 30)
            try await evidence.traffic(start + 5, good: 3, bad: 2)
            try await evidence.turn(at: start + 47, closed: start + 30)
            let corrections = try await LateEvidence.corrections(evidence.tenant, EvidenceWorld.month) { try await evidence.world.pool.query($0) }
            #expect(corrections.map(\.leaf.bad) == [2] && corrections.map(\.leaf.status) == [.bad])
            #expect(try #require(try await evidence.trees().last).frontier == before)
            #expect(try await evidence.world.count("SELECT 1 FROM reliability.evidence_late") == 0)
            #expect(try await evidence.world.count("SELECT 1 FROM reliability.evidence_log WHERE entry LIKE 'v1|correction|%'") == 1)
            let isRefused = await #expect(throws: PostgresError.self) {
                try await evidence.world.pool.execute("UPDATE reliability.evidence_log SET entry = 'x'")
            }
            #expect(isRefused != nil)
        }
    }

    @Test func `what cannot be read of one tenant keeps nobody else's evidence waiting, nor the signature`() async throws {
        try await EvidenceWorld.with { evidence in
            let (start, pool) = (EvidenceWorld.start, evidence.world.pool)
            try await pool.execute("INSERT INTO serving.tenants (name, display_name, tier) VALUES ('other', 'Other', 'pro')")
            try await evidence.begin()
            try await evidence.agree(from: start)
            try await evidence.turn(at: start + 45, closed: start + 30)
            try await pool.execute("UPDATE reliability.evidence_day SET leaves = 'none' WHERE tenant_id = \(evidence.tenant)")
            for (version, arithmetic) in [(1, "{\"minutes\": \"none\"}"), (2, "{\"minutes\": {\"eligible\": \"x\"}}"), (3, Self.arithmetic)] {
                try await pool.execute(
                    """
                    INSERT INTO reliability.credit (agreement_id, tenant_id, terms_id, month, version, status, amount_cents, arithmetic, evidence, computed_by)
                    SELECT id, tenant_id, terms_id, '2026-06', \(version), 'issued', 5, \(arithmetic)::jsonb, '{"complete": true, "trees": []}', 'test'
                    FROM reliability.agreement
                    """)
            }
            let metrics = MetricRegistry()
            try await evidence.close(until: start + 60)
            try await evidence.keeper(at: start + 75, metrics).turn()
            let next = "SELECT 1 FROM reliability.evidence_tree WHERE next_at = to_timestamp(\((start + 60) * 60)::bigint) AND tenant_id" as SQL
            #expect(try await evidence.world.count("\(next) <> \(evidence.tenant)") == 1)
            #expect(try await evidence.world.count("\(next) = \(evidence.tenant)") == 0)
            #expect(try await evidence.world.count("SELECT 1 FROM reliability.evidence_log WHERE entry LIKE 'v1|credit|%'") == 1)
            #expect(
                try await evidence.world.count(
                    "SELECT 1 FROM reliability.evidence_checkpoint WHERE hour_at = to_timestamp(\((start + 75) / 60 * 3600)::bigint)") == 1)
            #expect(metrics.prometheusText().contains("plimsoll_control_evidence_failing 1"))
        }
    }

    private static let arithmetic = """
        {"minutes": {"eligible": 43200, "bad": 44, "bad_idle": 0, "unmeasured": 0}, "total_percent": ["5", "1"], "fee": {"base_usd": "1"}}
        """

    @Test func `a tenant's tree proves each of its minutes, and that it only grew, by the API`() async throws {
        try await AdminFixture.run { admin in
            let pool = PostgresPool(configuration: admin.database.configuration(), logger: .init(label: "test"))
            let tenant = try #require(UUID(uuidString: try await admin.tenant()))
            let start = EvidenceWorld.start
            for table in ["reliability.minute_total", "reliability.probe_minute"] {
                _ = try await pool.query("SELECT upkeep.ensure_month((\(table)::text)::regclass, '2026-06-01')")
            }
            try await pool.execute(
                """
                INSERT INTO reliability.probe_minute (model, region, minute_at, successes, failures)
                SELECT 'tiny', 'eu', to_timestamp((\(start) + minute) * 60), minute % 2, 1 FROM generate_series(0, 15) AS minute
                """)
            let wanted: EvidenceSubscriptions.Places = [EvidenceSubscriptions.Place(model: "tiny", region: "eu"): nil]
            let closer = TreeCloser(pool: pool)
            for limit in [start, start + 7] { try await closer.close(tenant, wanted: wanted, until: limit, now: limit) }
            let early = try await admin.get("evidence/trees?tenant=acme&month=2026-06").json["data"].elements.first
            let (id, old) = (try #require(early?["id"].string), try #require(early?["root"].string.flatMap { SHA256Digest(hex: $0) }))
            try await closer.close(tenant, wanted: wanted, until: start + 20, now: start + 20)
            let now = try await admin.get("evidence/trees/\(id)").json
            let root = try #require(now["root"].string.flatMap { SHA256Digest(hex: $0) })
            let path = { (json: JSONTree) in json["path"].elements.compactMap { $0.string.flatMap { SHA256Digest(hex: $0) } } }
            for place in 0..<20 {
                let minute = UTCMinute.text(start + Int64(place))
                let proof = try await admin.get("evidence/trees/\(id)/inclusion?model=tiny&region=eu&minute=\(minute)").json
                let leaf = try #require(proof["leaf"].string)
                #expect(leaf.contains("|tiny|eu|\(minute)|") && proof["index"] == .number(Double(place)))
                #expect(MerkleTree.isIncluded(MerkleTree.leafHash(leaf.utf8), at: place, of: 20, path: path(proof), root: root))
                #expect(!MerkleTree.isIncluded(MerkleTree.leafHash((leaf + " ").utf8), at: place, of: 20, path: path(proof), root: root))
            }
            let growth = try await admin.get("evidence/trees/\(id)/consistency?from=7").json
            #expect(growth["from_root"].string == "\(old)" && growth["to_root"].string == "\(root)")
            #expect(MerkleTree.isConsistent(old: 7, old, new: 20, root, path: path(growth)))
            #expect(!MerkleTree.isConsistent(old: 6, old, new: 20, root, path: path(growth)))
            for (bad, status) in [
                ("inclusion?minute=noon", 400), ("inclusion?minute=2026-06-01T00:20Z", 404), ("inclusion?model=other", 404),
                ("consistency?from=21", 400), ("consistency?size=3", 400),
            ] {
                #expect(try await admin.get("evidence/trees/\(id)/\(bad)").status == status, "\(bad)")
            }
            await pool.close()
        }
    }

    @Test func `the public log tells what is signed, to everybody, and proves it`() async throws {
        try await AdminFixture.run { admin in
            let pool = PostgresPool(configuration: admin.database.configuration(), logger: .init(label: "test"))
            try await pool.execute(
                """
                INSERT INTO reliability.evidence_tree (tenant_id, month, salt, next_at)
                VALUES ('00000000-0000-0000-0000-000000000001', '2026-06-01', decode(repeat('07', 16), 'hex'), '2026-06-02T00:00Z')
                """)
            try await pool.execute(
                """
                INSERT INTO reliability.evidence_fact (tenant_id, month, kind, leaves, digest)
                SELECT '00000000-0000-0000-0000-000000000001', '2026-06-01', 'root', number, sha256(number::text::bytea) FROM generate_series(1, 5) AS number
                """)
            let log = PublicLog(pool: pool)
            try await log.append()
            let signer = try #require(EvidenceSigner(trustDomain: "test", key: SigningKey(rawBytes: Array(1...32))))
            #expect(try await admin.client.send("GET", "/evidence/v1/checkpoint").status == 404)
            #expect(try await admin.client.send("GET", "/evidence/v1/entries").status == 404, "nothing is signed yet")
            try await log.sign(signer, hour: 1)
            let note = try #require(SignedNote(try await admin.client.send("GET", "/evidence/v1/checkpoint").text))
            let head = try #require(LogCheckpoint(note.text))
            #expect(try await admin.client.send("GET", "/evidence/v1/key").text == "\(signer.noteKey)\n" && note.isSigned(by: signer.noteKey))
            let entries = try await admin.client.send("GET", "/evidence/v1/entries?from=1&count=2").text.split(separator: "\n")
            #expect(entries.count == 2 && !entries[0].contains("00000000-0000"))
            let proof = try await admin.client.send("GET", "/evidence/v1/inclusion?position=1").json
            let path = proof["path"].elements.compactMap { $0.string.flatMap { SHA256Digest(hex: $0) } }
            #expect(MerkleTree.isIncluded(MerkleTree.leafHash(entries[0].utf8), at: 1, of: 5, path: path, root: head.root))
            let grown = try await admin.client.send("GET", "/evidence/v1/consistency?from=2").json["path"].elements
            let older = entries.isEmpty ? [] : try await log.entries(0..<2).map { MerkleTree.leafHash($0.utf8) }
            let steps = grown.compactMap { $0.string.flatMap { SHA256Digest(hex: $0) } }
            #expect(MerkleTree.isConsistent(old: 2, MerkleTree.root(older[...]), new: 5, head.root, path: steps))
            for bad in [
                "inclusion", "inclusion?position=5", "inclusion?position=0&size=6", "consistency", "consistency?from=9", "entries?count=0",
                "entries?a=1",
            ] {
                #expect(try await admin.client.send("GET", "/evidence/v1/\(bad)").status == 400, "\(bad)")
            }
            await pool.close()
        }
    }
}
