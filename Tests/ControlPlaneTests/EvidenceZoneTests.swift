import Domain
import FoundationEssentials
import PlimsollWire
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

extension EvidenceWorld {
    /// Partitions for minutes of other months than the world has by itself.
    func partitions(around month: BillingPeriod) async throws {
        let months = [BillingPeriod(microseconds: month.start - 1), month, BillingPeriod(microseconds: month.end)]
        for (table, day) in ["reliability.minute_total", "reliability.probe_minute"].flatMap({ table in months.map { (table, "\($0)-01") } }) {
            _ = try await world.pool.query("SELECT upkeep.ensure_month((\(table)::text)::regclass, (\(day)::text)::date)")
        }
    }

    /// An agreement under terms of their own for 500 dollars a month.
    func agree(
        _ terms: String, zone: String, ppm: Int64 = 999_000, from first: Int64, until end: Int64? = nil
    ) async throws -> UUID {
        let row = try await world.pool.queryOne(
            """
            WITH made AS (
                INSERT INTO reliability.terms (name, version, title, tier, availability_ppm, time_zone, created_by)
                VALUES (\(terms), 1, \(terms), 'pro', \(ppm), \(zone), 'test') RETURNING id)
            INSERT INTO reliability.agreement (tenant_id, terms_id, model, region, state, starts_at, ends_at, monthly_minimum_micro_usd, evidence,
                requested_by)
            SELECT \(tenant), made.id, 'tiny', 'eu', \(end == nil ? "active" : "ended"), to_timestamp(\(first * 60)::bigint),
                to_timestamp(\(end.map { $0 * 60 })::bigint), 500000000, '{}', 'test' FROM made
            RETURNING id
            """)
        return try #require(try row?.value("id", as: UUID.self))
    }

    /// Of a month, in the order of their versions.
    func credits(_ month: BillingPeriod) async throws -> [String] {
        let rows = try await world.pool.query(
            """
            SELECT concat_ws(' ', terms.name, credit.month, credit.version, amount_cents, evidence ->> 'complete',
                (SELECT string_agg(of ->> 'month', ',') FROM jsonb_array_elements(evidence -> 'trees') AS of)) AS line
            FROM reliability.credit JOIN reliability.terms ON terms.id = credit.terms_id WHERE credit.month = \("\(month)")
            ORDER BY terms.name, credit.version
            """)
        return try rows.map { try $0.value("line") }
    }

    func verify(_ month: BillingPeriod) async throws -> BundleVerification {
        let tree = try #require(try await trees().first { $0.month == month })
        let bundle = try await BundleMaker(databases: databases, signer: signer).make(tree)
        return BundleVerification(Array(bundle.utf8), key: signer.noteKey)
    }
}

/// Months of contracts against months of trees.
@Suite(.serialized) struct EvidenceZoneTests {
    struct Case: Sendable, CustomStringConvertible {
        let zone: String
        let month: BillingPeriod
        /// As the zone has it, in UTC.
        let from: String
        let until: String
        let trees: String

        var description: String { "\(month) in \(zone)" }
    }

    private static let cases = [
        // The clock goes back on 25 October: an hour more.
        Case(
            zone: "Europe/Berlin", month: BillingPeriod(year: 2025, month: 10), from: "2025-09-30T22:00Z", until: "2025-10-31T23:00Z",
            trees: "2025-09,2025-10"),
        // The clock goes on on 29 March: an hour less.
        Case(
            zone: "Europe/Berlin", month: BillingPeriod(year: 2026, month: 3), from: "2026-02-28T23:00Z", until: "2026-03-31T22:00Z",
            trees: "2026-02,2026-03"),
        // West of UTC a month ends in the next tree; the clock goes back on 2 November.
        Case(
            zone: "America/Los_Angeles", month: BillingPeriod(year: 2025, month: 11), from: "2025-11-01T07:00Z", until: "2025-12-01T08:00Z",
            trees: "2025-11,2025-12"),
        Case(
            zone: "Asia/Kolkata", month: BillingPeriod(year: 2026, month: 6), from: "2026-05-31T18:30Z", until: "2026-06-30T18:30Z",
            trees: "2026-05,2026-06"),
    ]

    @Test(arguments: cases)
    func `a month of another zone is credited, and verified from its tree and the neighbour's`(of: Case) async throws {
        try await EvidenceWorld.with { evidence in
            try await evidence.partitions(around: of.month)
            let minutes = try #require(UTCMinute.parse(of.from))..<(try #require(UTCMinute.parse(of.until)))
            let utc = of.month.minutes
            let begins = min(minutes.lowerBound, utc.lowerBound) - 4_000
            _ = try await evidence.agree("zoned", zone: of.zone, from: begins)
            try await evidence.turn(at: begins, closed: begins - 15)
            let end = max(minutes.upperBound, utc.upperBound) + 5_800
            try await evidence.probes(begins..<end)
            // Bad minutes at both ends of the month, of which those outside it count for nothing, and enough in the midst of it.
            for minute in [minutes.lowerBound - 1, minutes.lowerBound, minutes.upperBound - 1, minutes.upperBound] {
                try await evidence.traffic(minute, good: 1, bad: 1)
            }
            for minute in 0..<58 { try await evidence.traffic(minutes.lowerBound + 700 * (Int64(minute) + 1), good: 1, bad: 1) }
            let day = Date(timeIntervalSince1970: Double(end) * 60)
            try await evidence.turn(at: utc.upperBound - 200, closed: utc.upperBound - 215)
            // Computed before its leaves were there, which it says, and once more when they are.
            for _ in 0..<2 { try await CreditLedger(evidence.databases).computeDue(at: day) }
            let early = try await evidence.credits(of.month)
            #expect(early.count == 1 && early.allSatisfy { $0.contains(" 1 2500 false ") }, "\(early)")
            try await evidence.turn(at: end, closed: end - 20)
            for _ in 0..<2 { try await CreditLedger(evidence.databases).computeDue(at: day) }
            #expect(try await evidence.credits(of.month).dropFirst() == ["zoned \(of.month) 2 2500 true \(of.trees)"])
            try await evidence.turn(at: end + 70, closed: end - 20)
            let found = try await evidence.verify(of.month)
            #expect(found.holds, "\(found.steps)")
            let span = "\(of.from) to \(of.until), \(of.month) in \(of.zone)"
            #expect(found.steps.contains { $0.title == "promise" && $0.finding.contains(span) }, "\(found.steps)")
            #expect(found.steps.contains { $0.title == "uptime" && $0.finding.contains("of \(minutes.count) minutes (60 bad") }, "\(found.steps)")
            #expect(found.steps.contains { $0.title == "credit" && $0.finding.contains("USD 25.00, as recorded in version 2") }, "\(found.steps)")
        }
    }

    /// The last night of the month in UTC is the next month's in Tokyo.
    @Test func `a report tells the month of the contract beside the one of UTC, and its credit speaks of the same minutes`() async throws {
        try await EvidenceWorld.with { evidence in
            let (month, bad) = (EvidenceWorld.month, 480 as Int64)
            try await evidence.partitions(around: month)
            let (begins, end) = (month.minutes.lowerBound - 4_000, month.minutes.upperBound + 5_800)
            _ = try await evidence.agree("zoned", zone: "Asia/Tokyo", from: begins)
            try await evidence.turn(at: begins, closed: begins - 15)
            try await evidence.probes(begins..<end)
            for minute in 0..<60 { try await evidence.traffic(month.minutes.lowerBound - bad + Int64(minute), good: 1, bad: 1) }
            for minute in 0..<30 { try await evidence.traffic(month.minutes.upperBound - bad + Int64(minute), good: 1, bad: 1) }
            try await evidence.turn(at: end, closed: end - 20)
            try await CreditLedger(evidence.databases).computeDue(at: Date(timeIntervalSince1970: Double(end) * 60))
            let text = try await TenantReport.of(evidence.tenant, month, evidence.databases)
            let report = try WireCoder.decode(TenantMonth.self, from: text.utf8)
            let series = try #require(report.series.first)
            #expect(series.promiseView.bad == 30 && series.contractMonths.map(\.timeZone) == ["Asia/Tokyo"])
            let contract = try #require(series.contractMonths.first)
            #expect(contract.from == "2026-05-31T15:00Z" && contract.until == "2026-06-30T15:00Z" && contract.minutes.bad == 60)
            #expect(report.credits.map { $0.arithmetic.minutes?.bad } == [60] && report.credits[0].amountCents > 0)
        }
    }

    @Test func `one agreement ends and another begins within a month, each with its credit`() async throws {
        try await EvidenceWorld.with { evidence in
            let month = EvidenceWorld.month.minutes
            let change = month.lowerBound + 20_000
            _ = try await evidence.agree("early", zone: "UTC", from: month.lowerBound - 1_440, until: change)
            _ = try await evidence.agree("late", zone: "Europe/Berlin", ppm: 995_000, from: change)
            try await evidence.begin()
            let end = month.upperBound + 5_800
            try await evidence.probes(month.lowerBound - 20..<end)
            for minute in 0..<200 { try await evidence.traffic(change - 100 + Int64(minute), good: 1, bad: 1) }
            try await evidence.turn(at: end, closed: end - 20)
            try await CreditLedger(evidence.databases).computeDue(at: Date(timeIntervalSince1970: Double(end) * 60))
            // 100 of 20,000 minutes are 0.4 points short of 99.9 %: 4 steps of 5 % of the part of the fee; 100 of 23,080 are not short of 99.5 %.
            let fee = ServiceFee(
                minimumMicroUsd: 500_000_000, activeMinutes: 20_000, monthMinutes: 43_200, charges: 0, requests: 0, unpriced: 0)
            #expect(
                try await evidence.credits(EvidenceWorld.month) == [
                    "early 2026-06 1 \(fee.cents(percent: Ratio(20, 1))) true 2026-06", "late 2026-06 1 0 true 2026-06",
                ])
            try await evidence.turn(at: end + 70, closed: end - 20)
            let found = try await evidence.verify(EvidenceWorld.month)
            #expect(found.holds, "\(found.steps)")
            #expect(found.steps.filter { $0.title == "credit" && $0.finding.contains("as recorded in version 1") }.count == 2, "\(found.steps)")
            #expect(found.steps.contains { $0.finding.contains("19900 good of 20000 minutes (100 bad") })
            #expect(found.steps.contains { $0.finding.contains("22980 good of 23080 minutes (100 bad") }, "\(found.steps)")
        }
    }

    @Test func `a month whose minutes all lie in the neighbour's tree is credited and verified`() async throws {
        try await EvidenceWorld.with { evidence in
            let (november, december) = (BillingPeriod(year: 2025, month: 11), BillingPeriod(year: 2025, month: 12))
            try await evidence.partitions(around: december)
            // Five in the afternoon of 30 November in Los Angeles.
            let begins = december.minutes.lowerBound + 60
            _ = try await evidence.agree("zoned", zone: "America/Los_Angeles", from: begins)
            try await evidence.turn(at: begins, closed: begins - 15)
            let end = begins + 5 * 1_440
            try await evidence.probes(begins..<end)
            for minute in 0..<5 { try await evidence.traffic(begins + 10 + Int64(minute), good: 1, bad: 1) }
            try await evidence.turn(at: end, closed: end - 20)
            #expect(try await evidence.trees().map(\.month) == [november, december])
            for _ in 0..<2 { try await CreditLedger(evidence.databases).computeDue(at: Date(timeIntervalSince1970: Double(end) * 60)) }
            // 5 of 420 minutes are bad: the cap of 25 % of the part of the fee.
            let fee = ServiceFee(
                minimumMicroUsd: 500_000_000, activeMinutes: 420, monthMinutes: 30 * 1_440 + 60, charges: 0, requests: 0, unpriced: 0)
            #expect(try await evidence.credits(november) == ["zoned 2025-11 1 \(fee.cents(percent: Ratio(25, 1))) true 2025-11,2025-12"])
            try await evidence.turn(at: end + 70, closed: end - 20)
            let found = try await evidence.verify(november)
            #expect(found.holds, "\(found.steps)")
            #expect(found.steps.contains { $0.title == "credit" && $0.finding.contains("as recorded in version 1") }, "\(found.steps)")
        }
    }

    @Test func `what comes late, is approved or withdrawn makes new versions of months long over, and nothing else does`() async throws {
        try await EvidenceWorld.with { evidence in
            let (month, pool) = (EvidenceWorld.month.minutes, evidence.world.pool)
            _ = try await evidence.agree("old", zone: "UTC", from: month.lowerBound)
            try await evidence.turn(at: month.lowerBound, closed: month.lowerBound - 15)
            let end = month.upperBound + 5_800
            try await evidence.probes(month.lowerBound..<month.upperBound - 100)
            for minute in 0..<30 { try await evidence.traffic(month.lowerBound + 10 * Int64(minute), good: 1, bad: 1) }
            try await evidence.turn(at: end, closed: end - 20)
            let ledger = CreditLedger(evidence.databases)
            // Months later: nobody computed it in its time.
            try await ledger.computeDue(at: Date(timeIntervalSince1970: Double(month.upperBound + 200_000) * 60))
            #expect(try await ledger.backlog().waiting == 0)
            let cents = { try await evidence.credits(EvidenceWorld.month).map { $0.split(separator: " ")[3] } }
            #expect(try await cents() == ["7500"], "30 bad minutes and 100 that nobody measured")
            let again = { (versions: [Substring]) in
                #expect(try await ledger.backlog().waiting == 1)
                await #expect(throws: AdminRefusal.self, "not before the credit is there") { _ = try await evidence.verify(EvidenceWorld.month) }
                try await evidence.turn(at: end + Int64(200 * versions.count), closed: end - 20)
                try await ledger.computeNoted()
                try await evidence.turn(at: end + Int64(200 * versions.count) + 61, closed: end - 20)
                #expect(try await ledger.backlog().waiting == 0)
                #expect(try await cents() == versions)
                let found = try await evidence.verify(EvidenceWorld.month)
                #expect(found.holds, "\(found.steps)")
            }
            try await evidence.probes(month.upperBound - 100..<month.upperBound - 50)
            try await again(["7500", "2500"])
            for minute in 0..<7 { try await evidence.traffic(month.lowerBound + 10 * Int64(minute) + 5, good: 0, bad: 7) }
            try await again(["7500", "2500", "5000"])
            try await pool.execute(
                """
                INSERT INTO reliability.exclusion (tenant_id, code, reason, starts_at, ends_at, requested_by)
                VALUES (\(evidence.tenant), 'customer_network', 'their uplink', \(SQL.minute(month.lowerBound)), \(SQL.minute(month.lowerBound + 400)), 'a')
                """)
            try await ledger.computeNoted()
            try await pool.execute("UPDATE reliability.exclusion SET approved_by = ARRAY['b']")
            try await again(["7500", "2500", "5000", "2500"])
            try await pool.execute("UPDATE reliability.exclusion SET withdrawn_at = now(), withdrawn_by = 'c'")
            try await again(["7500", "2500", "5000", "2500", "5000"])
            try await pool.execute(
                """
                INSERT INTO reliability.maintenance_window (title, reason, starts_at, ends_at, announced_at, announced_by)
                VALUES ('Upgrade', 'new drivers', \(SQL.minute(month.lowerBound)), \(SQL.minute(month.lowerBound + 400)),
                    \(SQL.minute(month.lowerBound)) - interval '72 hours', 'a')
                """)
            try await again(["7500", "2500", "5000", "2500", "5000", "2500"])
            #expect(
                try await evidence.verify(EvidenceWorld.month).steps.contains {
                    $0.finding.hasSuffix("240 minutes of \(month.count) are left out, of at most 240")
                })
            try await pool.execute("UPDATE reliability.maintenance_window SET state = 'cancelled'")
            try await again(["7500", "2500", "5000", "2500", "5000", "2500", "5000"])
        }
    }

    @Test func `leaves begin with the agreement, and go on until one that was ended with notice has ended`() async throws {
        try await EvidenceWorld.with { evidence in
            let start = EvidenceWorld.start
            try await evidence.world.pool.execute("UPDATE serving.skus SET state = 'draft'")
            let id = try await evidence.agree("noticed", zone: "UTC", from: start)
            try await evidence.turn(at: start + 4, closed: start - 11)
            try await evidence.turn(at: start + 24, closed: start + 9)
            try await evidence.world.pool.execute(
                "UPDATE reliability.agreement SET state = 'ended', ends_at = to_timestamp(\((start + 60) * 60)::bigint) WHERE id = \(id)")
            for minute in [30, 59, 65, 90] { try await evidence.turn(at: start + Int64(minute), closed: start + Int64(minute) - 15) }
            let row = try await evidence.world.pool.queryOne(
                """
                SELECT extract(epoch FROM min(since_at))::bigint / 60 AS first, extract(epoch FROM max(until_at))::bigint / 60 AS next, count(*) AS parts
                FROM reliability.evidence_series
                """)
            #expect(try row?.value("first", as: Int64.self) == start)
            #expect(try row?.value("next", as: Int64.self) == start + 65 && row?.value("parts", as: Int.self) == 1)
        }
    }
}
