import Domain
import FoundationEssentials
package import PlimsollWire
import Postgres

/// A month of a tenant as its customer may see it: availability in both views, latency, errors, days for charts, incidents, what was left out, credits,
/// evidence. No provider, host or worker.
package struct TenantReport: Sendable {
    let databases: ControlDatabases
    let tenant: UUID
    let month: BillingPeriod
    /// Minutes of the month that are closed.
    let range: MinuteRange
    /// Minute up to which all minutes are closed, also those behind the month.
    let closed: Int64

    private struct Place: Sendable {
        let subject: MinuteSubject
        let covered: CoveredMinutes
    }

    /// Makes a page of a month, with links to what can be had beside it.
    package typealias Render = @Sendable (_ month: TenantMonth, _ downloads: [(title: String, path: String)]) -> String

    /// `GET /admin/v1/tenants/{id}/report?month=2030-01`, the same as a page below `/page`, and the incidents of the month alone.
    static func routes(_ render: @escaping Render) -> [AdminRoute] {
        [
            .read("tenants/{id}/report") { call, databases in
                try call.refuseQuery(but: ["month"])
                let (tenant, month) = try await subject(call, databases)
                return AdminAnswer(body: try await of(tenant, month, databases))
            },
            .read("tenants/{id}/report/page") { call, databases in
                try call.refuseQuery(but: ["month"])
                let (tenant, month) = try await subject(call, databases)
                let report = try WireCoder.decode(TenantMonth.self, from: try await of(tenant, month, databases).utf8)
                return AdminAnswer(body: render(report, []), contentType: "text/html; charset=utf-8")
            },
            .read("tenants/{id}/incidents/export") { call, databases in
                try call.refuseQuery(but: ["month", "format"])
                let (tenant, month) = try await subject(call, databases)
                let windows = try await incidents(tenant, month, databases)
                switch call.query["format"] ?? "json" {
                case "json":
                    return AdminAnswer(body: "{\"tenant\":\"\(tenant.uuidString.lowercased())\",\"month\":\"\(month)\",\"windows\":\(windows.json)}")
                case "csv": return AdminAnswer(body: windows.csv, contentType: "text/csv; charset=utf-8")
                default: throw AdminRefusal.fault("format", "must be json or csv")
                }
            },
        ]
    }

    /// Whose month is asked for; without a month the present one.
    private static func subject(_ call: AdminCall, _ databases: ControlDatabases) async throws -> (UUID, BillingPeriod) {
        let (id, _) = try await AdminResource.tenants.find(call.reference) { try await databases.serving.queryOne($0) }
        guard let tenant = UUID(uuidString: id) else { throw AdminRefusal.notFound }
        let present = BillingPeriod(microseconds: Int64(Date().timeIntervalSince1970) * 1_000_000)
        guard let month = call.query["month"].map({ BillingPeriod($0) }) ?? present else {
            throw AdminRefusal.fault("month", "must be a month such as 2030-01")
        }
        return (tenant, month)
    }

    static func of(_ tenant: UUID, _ month: BillingPeriod, _ databases: ControlDatabases) async throws -> String {
        try await report(tenant, month, databases).document()
    }

    static func incidents(_ tenant: UUID, _ month: BillingPeriod, _ databases: ControlDatabases) async throws -> IncidentWindows {
        try await report(tenant, month, databases).windows()
    }

    private static func report(_ tenant: UUID, _ month: BillingPeriod, _ databases: ControlDatabases) async throws -> TenantReport {
        let row = try await databases.reliability.queryOne(
            "SELECT extract(epoch FROM closed_until)::bigint / 60 AS minute FROM reliability.minute_progress")
        let closed = try row?.value("minute", as: Int64.self) ?? month.minutes.lowerBound
        let end = max(month.minutes.lowerBound, min(month.minutes.upperBound, closed))
        return TenantReport(databases: databases, tenant: tenant, month: month, range: month.minutes.lowerBound..<end, closed: closed)
    }

    private func document() async throws -> String {
        let tier = try await databases.serving.queryOne(
            """
            SELECT tenant.name AS tenant, tenant.display_name, tier.name, tier.ttft_objective_microseconds AS first,
                tier.ttlt_objective_microseconds AS last
            FROM serving.tenants AS tenant JOIN serving.tiers AS tier ON tier.name = tenant.tier WHERE tenant.id = \(tenant)
            """)
        guard let tier else { throw AdminRefusal.notFound }
        let (name, first, last): (String, Int64, Int64) = (try tier.value("name"), try tier.value("first"), try tier.value("last"))
        let (short, display): (String, String) = (try tier.value("tenant"), try tier.value("display_name"))
        var series: [String] = []
        for place in try await places(in: range) { series.append(try await text(place, tier: name, first: first, last: last)) }
        let facts = ReportFacts(databases: databases, tenant: tenant, month: month)
        return "{\"tenant\":\"\(tenant.uuidString.lowercased())\",\"name\":\(AdminJSON.string(short)),\"display_name\":\(AdminJSON.string(display)),"
            + "\"tier\":\(AdminJSON.string(name)),\"month\":\"\(month)\","
            + "\"from\":\"\(UTCMinute.text(range.lowerBound))\",\"until\":\"\(UTCMinute.text(range.upperBound))\","
            + "\"complete\":\(range == month.minutes),\"counts_kept\":\(try await countsAreKept()),\"series\":[\(series.joined(separator: ","))],"
            + "\"incidents\":\(try await windows().json),\"maintenance\":\(try await facts.maintenance()),"
            + "\"exclusions\":\(try await facts.exclusions()),\"credits\":\(try await facts.credits()),\"evidence\":\(try await facts.evidence())}"
    }

    /// Whether the gateways' reports of the month are still there (`retention.minutes`): without them requests and times are not known any more. There are
    /// none yet of a month of which no minute is closed.
    private func countsAreKept() async throws -> Bool {
        guard !range.isEmpty else { return true }
        let table = "reliability.minute_" + "\(month)".replacing("-", with: "_")
        return try await databases.reliability.queryOne("SELECT 1 AS yes WHERE to_regclass(\(table)) IS NOT NULL") != nil
    }

    /// What has leaves in the range, or was told without them when its minutes were closed, and for which parts of it: between two subscriptions nothing is
    /// promised and nothing measured.
    private func places(in range: MinuteRange) async throws -> [Place] {
        let rows = try await databases.reliability.query(
            """
            SELECT model, region, extract(epoch FROM since_at)::bigint / 60 AS since, extract(epoch FROM until_at)::bigint / 60 AS until
            FROM reliability.evidence_series WHERE tenant_id = \(tenant) AND since_at < \(EvidenceTime.minute(range.upperBound))
                AND (until_at IS NULL OR until_at > \(EvidenceTime.minute(range.lowerBound)))
            ORDER BY model, region, since_at
            """)
        var parts: [MinuteSubject: [MinuteRange]] = [:]
        for row in rows {
            let subject = MinuteSubject(tenant: tenant, model: try row.value("model"), region: try row.value("region"))
            let since: Int64 = try row.value("since")
            parts[subject, default: []].append(since..<max(since, try row.value("until", as: Int64?.self) ?? range.upperBound))
        }
        for leaf in try await LateEvidence.corrections(tenant, month, { try await databases.reliability.query($0) }).map(\.leaf)
        where range.contains(leaf.minute) {
            parts[MinuteSubject(tenant: tenant, model: leaf.model, region: leaf.region), default: []].append(leaf.minute..<leaf.minute + 1)
        }
        return parts.map { Place(subject: $0.key, covered: CoveredMinutes($0.value, within: range)) }
            .sorted { ($0.subject.model, $0.subject.region) < ($1.subject.model, $1.subject.region) }
    }

    private func text(_ place: Place, tier: String, first: Int64, last: Int64) async throws -> String {
        let facts = ReportFacts(databases: databases, tenant: tenant, month: month)
        let held = try await facts.objective(of: place.subject, tier: tier)
        let view = try await PromiseView.read(of: place.subject, month.minutes, objective: held?.objective.rule, databases.reliability)
        var objective = MinuteTally()
        for part in place.covered.parts { objective.add(try await view.budgeted(part)) }
        let tallies = try await tallies(place, view)
        let promise = tallies.reduce(into: MinuteTally()) { $0.add($1.tally) }
        let histograms = try await ReportHistograms.read(place.subject, place.covered, databases.reliability)
        let days = try await days(place, tallies, histograms)
        let budget = try await facts.budget(held, of: place.subject, tier: tier, in: place.covered, bad: objective.allBad)
        let sums = try await sums(place)
        let batch = try await BatchDelivery.read(of: place.subject, place.covered, databases.billing)
        let contracts = try await ContractMonth.read(of: place.subject, month, closed: closed, databases.reliability)
        return "{\"model\":\(AdminJSON.string(place.subject.model)),\"region\":\(AdminJSON.string(place.subject.region)),"
            + "\"from\":\"\(UTCMinute.text(place.covered.hull.lowerBound))\",\"until\":\"\(UTCMinute.text(place.covered.hull.upperBound))\","
            + "\"covered\":[\(place.covered.parts.map(Self.text).joined(separator: ","))],"
            + "\"objective_view\":\(Self.text(objective)),\"promise_view\":\(Self.text(promise)),"
            + "\"contract_months\":[\(contracts.map(Self.text).joined(separator: ","))],"
            + "\"requests\":\(sums.requests),"
            + "\"first_token\":\(Self.text(sums.first, first, histograms.month(.first))),"
            + "\"last_token_256\":\(Self.text(sums.last, last, histograms.month(.last))),"
            + "\"last_token_512\":\(Self.text(histograms.month(.long))),\"queue\":\(Self.text(histograms.month(.queue))),"
            + "\"retrieval\":\(Self.retrieval(histograms)),\"batch\":\(batch?.document ?? "null"),\"budget\":\(budget),\"days\":\(days)}"
    }

    /// Each day of the place as the promise sees it, oldest first.
    private func tallies(_ place: Place, _ view: PromiseView) async throws -> [(day: String, tally: MinuteTally)] {
        var found: [(day: String, tally: MinuteTally)] = []
        for (day, parts) in place.covered.days {
            var tally = MinuteTally()
            for part in parts { tally.add(try await view.promised(part)) }
            found.append((String(UTCMinute.text(day.lowerBound).prefix(10)), tally))
        }
        return found
    }

    private static func text(_ part: MinuteRange) -> String {
        "{\"from\":\"\(UTCMinute.text(part.lowerBound))\",\"until\":\"\(UTCMinute.text(part.upperBound))\"}"
    }

    private static func text(_ tally: MinuteTally) -> String {
        let uptime = tally.uptime.map {
            "{\"numerator\":\($0.numerator),\"denominator\":\($0.denominator),\"percent\":\"\(($0 * Ratio(100, 1)).decimal(places: 4))\"}"
        }
        return
            "{\"minutes\":\(tally.minutes),\"excluded\":\(tally.excluded),\"good\":\(tally.good),\"good_idle\":\(tally.goodIdle),\"bad\":\(tally.bad),"
            + "\"bad_idle\":\(tally.badIdle),\"unmeasured\":\(tally.unmeasured),\"uptime\":\(uptime ?? "null")}"
    }

    private static func text(_ contract: ContractMonth) -> String {
        "{\"time_zone\":\(AdminJSON.string(contract.zone)),\"from\":\"\(UTCMinute.text(contract.minutes.lowerBound))\","
            + "\"until\":\"\(UTCMinute.text(contract.minutes.upperBound))\",\"minutes\":\(text(contract.tally))}"
    }

    /// Whether the p95 was above the threshold is decided by counters; percentiles are for pictures.
    private static func text(_ counter: LatencyCounter, _ threshold: Int64, _ histogram: LatencyHistogram) -> String {
        "{\"threshold_microseconds\":\(threshold),\"samples\":\(counter.samples),\"over\":\(counter.over),"
            + "\"p95_is_over\":\(counter.isBreach.map { "\($0)" } ?? "null"),"
            + percentiles(histogram) + "}"
    }

    private static func text(_ histogram: LatencyHistogram) -> String { "{\"samples\":\(histogram.total)," + percentiles(histogram) + "}" }

    /// What the customer told of its own retrieval, which no promise is about; null where it told nothing.
    private static func retrieval(_ histograms: ReportHistograms) -> String {
        let told = histograms.month(.retrieval)
        guard told.total > 0 else { return "null" }
        let (first, last) = (histograms.month(.retrievedFirst), histograms.month(.retrievedLast))
        return "{\"time\":\(text(told)),\"with_first_token\":\(text(first)),\"with_answer\":\(text(last))}"
    }

    private static func percentiles(_ histogram: LatencyHistogram) -> String {
        ReportHistograms.percentiles(histogram).map { "\"p\($0.0)_microseconds\":\($0.1.map { "\($0)" } ?? "null")" }.joined(separator: ",")
    }
}

extension TenantReport {
    private func sums(_ place: Place) async throws -> (requests: String, first: LatencyCounter, last: LatencyCounter) {
        let subject = place.subject
        let row = try await databases.reliability.queryOne(
            """
            SELECT json_build_object('good', coalesce(sum(good), 0), 'bad', coalesce(sum(bad), 0), 'excluded', coalesce(sum(excluded), 0),
                    'server_errors', coalesce(sum((outcomes ->> 'bad:5xx')::bigint), 0), 'refused_within_quota',
                    coalesce(sum(coalesce((outcomes ->> 'bad:shed')::bigint, 0) + coalesce((outcomes ->> 'bad:throttled')::bigint, 0)), 0),
                    'refused_above_quota', coalesce(sum((outcomes ->> 'excluded:quota')::bigint), 0),
                    'broken_streams', coalesce(sum((outcomes ->> 'bad:stream_broken')::bigint), 0), 'disconnects', coalesce(sum(disconnects), 0),
                    'prompt_tokens', coalesce(sum(prompt_tokens), 0), 'completion_tokens', coalesce(sum(completion_tokens), 0))::text AS requests,
                coalesce(sum(first_token_samples), 0)::bigint AS first, coalesce(sum(first_token_over), 0)::bigint AS first_over,
                coalesce(sum(last_token_samples), 0)::bigint AS last, coalesce(sum(last_token_over), 0)::bigint AS last_over
            FROM reliability.minute WHERE tenant_id = \(tenant) AND model = \(subject.model) AND region = \(subject.region) AND NOT drill
                AND \(place.covered.contain("minute_at"))
            """)
        guard let row else { return ("{}", LatencyCounter(), LatencyCounter()) }
        return (
            try row.value("requests"), LatencyCounter(samples: try row.value("first"), over: try row.value("first_over")),
            LatencyCounter(samples: try row.value("last"), over: try row.value("last_over"))
        )
    }

    /// Days of the place, oldest first, for charts.
    private func days(_ place: Place, _ tallies: [(day: String, tally: MinuteTally)], _ histograms: ReportHistograms) async throws -> String {
        let subject = place.subject
        let rows = try await databases.reliability.query(
            """
            SELECT (minute_at AT TIME ZONE 'UTC')::date::text AS day, json_build_object(
                'busy_minutes', count(*) FILTER (WHERE good + bad > 0),
                'bad_minutes', count(*) FILTER (WHERE bad > 0), 'good', sum(good), 'bad', sum(bad), 'excluded', sum(excluded),
                'server_errors', sum(server_errors), 'refused', sum(shed + over_quota), 'disconnects', sum(disconnects),
                'first_token_samples', sum(first_token_samples), 'first_token_over', sum(first_token_over))::text AS document
            FROM reliability.minute_total WHERE tenant_id = \(tenant) AND model = \(subject.model) AND region = \(subject.region)
                AND \(place.covered.contain("minute_at"))
            GROUP BY (minute_at AT TIME ZONE 'UTC')::date
            """)
        let asked = try rows.reduce(into: [String: String]()) { $0[try $1.value("day")] = try $1.value("document") }
        let texts = tallies.map { day, tally -> String in
            let first = ReportHistograms.percentiles(histograms.day(.first, day))
            let p95 = { (kind: ReportHistograms.Kind) in ReportHistograms.percentiles(histograms.day(kind, day))[1].1 }
            let times = [
                ("first_token_p50_microseconds", first[0].1), ("first_token_p95_microseconds", first[1].1),
                ("last_token_256_p95_microseconds", p95(.last)), ("last_token_512_p95_microseconds", p95(.long)),
                ("queue_p95_microseconds", p95(.queue)),
            ]
            return "{\"day\":\"\(day)\",\"minutes\":\(Self.text(tally)),\((asked[day] ?? Self.idleDay).dropFirst().dropLast()),"
                + times.map { "\"\($0.0)\":\($0.1.map { "\($0)" } ?? "null")" }.joined(separator: ",") + "}"
        }
        return "[\(texts.joined(separator: ","))]"
    }

    /// Nobody asked.
    private static let idleDay = """
        {"busy_minutes":0,"bad_minutes":0,"good":0,"bad":0,"excluded":0,"server_errors":0,"refused":0,"disconnects":0,"first_token_samples":0,\
        "first_token_over":0}
        """

    func windows() async throws -> IncidentWindows {
        let places = try await places(in: month.minutes).map { (model: $0.subject.model, region: $0.subject.region) }
        return try await IncidentWindows.read(tenant, places, month.minutes, databases)
    }
}

/// Times of a series by day, for percentiles that are shown.
struct ReportHistograms: Sendable {
    enum Kind: String, Sendable {
        case first, last, long, queue, retrieval
        case retrievedFirst = "retrieved_first"
        case retrievedLast = "retrieved_last"
    }

    private struct Key: Hashable {
        let kind: Kind
        let day: String
    }

    private var days: [Key: LatencyHistogram] = [:]

    func day(_ kind: Kind, _ day: String) -> LatencyHistogram { days[Key(kind: kind, day: day)] ?? LatencyHistogram() }

    func month(_ kind: Kind) -> LatencyHistogram {
        days.reduce(into: LatencyHistogram()) { if $1.key.kind == kind { $0.merge($1.value) } }
    }

    /// Upper ends of the buckets that hold them; nil without samples.
    static func percentiles(_ histogram: LatencyHistogram) -> [(Int, Int64?)] {
        let total = histogram.total
        return [50, 95, 99].map { percent in
            (percent, histogram.bucket(rank: (total * Int64(percent) + 99) / 100).map { LatencyHistogram.bounds(of: $0).upperBound })
        }
    }

    static func read(_ subject: MinuteSubject, _ covered: CoveredMinutes, _ reliability: PostgresPool) async throws -> ReportHistograms {
        let rows = try await reliability.query(
            """
            SELECT kind, (minute_at AT TIME ZONE 'UTC')::date::text AS day, bucket.key::integer AS bucket, sum(bucket.value::bigint)::bigint AS count
            FROM reliability.minute CROSS JOIN LATERAL (
                VALUES ('first', first_token_histogram), ('last', last_token_histogram), ('long', long_last_token_histogram),
                    ('queue', queue_histogram), ('retrieval', retrieval_histogram),
                    ('retrieved_first', retrieved_first_token_histogram), ('retrieved_last', retrieved_last_token_histogram)) AS kinds (kind, histogram),
                LATERAL jsonb_each_text(histogram) AS bucket
            WHERE tenant_id = \(subject.tenant) AND model = \(subject.model) AND region = \(subject.region) AND NOT drill
                AND \(covered.contain("minute_at"))
            GROUP BY kind, 2, 3
            """)
        var found = ReportHistograms()
        for row in rows {
            guard let kind = Kind(rawValue: try row.value("kind")) else { continue }
            let key = Key(kind: kind, day: try row.value("day"))
            found.days[key, default: LatencyHistogram()].merge(LatencyHistogram(counts: [try row.value("bucket"): try row.value("count")]))
        }
        return found
    }
}
