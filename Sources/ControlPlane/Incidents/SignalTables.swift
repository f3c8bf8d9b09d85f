import Domain
import FoundationEssentials
import Postgres

/// Signals that other loops have written down.
struct SignalTables: Sendable {
    let serving: PostgresPool
    let reliability: PostgresPool
    let now: Date

    /// Seconds within which the newest probe must have come.
    private static let fresh = 150.0
    private static let hour = 3_600.0
    /// Seconds after which what gateways and probes have to say of a minute is there.
    private static let tellingTime = 300.0

    /// What is told, and of it the burns of which the news is not in minutes of all customers: a late last token, one customer's own.
    func triggers() async throws -> (told: [IncidentTrigger], spending: Set<IncidentKey>) {
        let alerts = try await burns() + forecasts()
        return (try await probes() + alerts.map(\.trigger), Set(alerts.filter(\.isSpending).map(\.trigger.key)))
    }

    /// Models and regions that are sold and that nobody has probed, neither at workers nor from outside, those of a budget that is spent by minutes of
    /// which nothing is known, and those of contracts of which an hour cannot be judged: burn alerts look at requests, and say nothing where there are none.
    /// Where such a minute is a bad one of somebody's promise, that wakes people. What gateways measure while a drill keeps them away is told after it.
    func unmeasured(_ terms: [FleetView.Terms], promised: [FleetView.Terms]) async throws -> [IncidentTrigger] {
        let rows = try await reliability.query(
            """
            SELECT DISTINCT model, region FROM reliability.probe_minute
            WHERE minute_at > \(now.addingTimeInterval(-60 * Double(IncidentRules.silentMinutes + 1))) AND minute_at <= \(now)
                AND successes + failures > 0
            """)
        let probed = Set(try rows.map { IncidentKey(.unmeasured, model: try $0.value("model"), region: try $0.value("region")) })
        let keys = { (terms: [FleetView.Terms]) in Set(terms.map { IncidentKey(.unmeasured, model: $0.model, region: $0.region) }) }
        let alone = try await aloneRegions()
        let (paid, sold) = (keys(promised), keys(terms).filter { !alone.contains($0.region) })
        let spent = try await unmeasuredBudgets().filter { !alone.contains($0.region) }.subtracting(sold).subtracting(probed).sorted {
            $0.text < $1.text
        }
        let unprobed = sold.subtracting(probed)
        let hours = try await unjudgedHours().filter { !alone.contains($0.region) }.subtracting(unprobed).subtracting(spent)
        let silence = 60 * Double(IncidentRules.silentMinutes)
        var triggers = unprobed.sorted { $0.text < $1.text }.map { key in
            trigger(
                key, since: silence, "no probe of \(key.model) in \(key.region) for \(IncidentRules.silentMinutes) minutes",
                severity: paid.contains(key) ? .page : nil)
        }
        triggers += spent.map { key in
            let words =
                "nobody measures \(key.model) in \(key.region), neither by a request nor by a probe: its budgets are spent by unmeasured minutes"
            return trigger(key, since: silence, words)
        }
        triggers += hours.sorted { $0.text < $1.text }.map { key in
            let fewer = "fewer than \(LatencyEpisodes.minimumSamples) first tokens of its customer, and fewer probes"
            return trigger(key, since: Self.hour, "an hour of a contract for \(key.model) in \(key.region) cannot be judged: \(fewer)")
        }
        return triggers
    }

    /// - Parameter seconds: Before now.
    private func trigger(_ key: IncidentKey, since seconds: Double, _ text: String, severity: BurnRule.Severity? = nil) -> IncidentTrigger {
        IncidentTrigger(key: key, beganAt: now.addingTimeInterval(-seconds), text: text, severity: severity)
    }

    /// Of contracts that give credits for late hours: the last one has too few first tokens of the customer, and too few probes to stand for them, whatever
    /// became of those. Such an hour is in nobody's favour, and nobody would know. Its end is told by now.
    private func unjudgedHours() async throws -> Set<IncidentKey> {
        let until = now.addingTimeInterval(-Self.tellingTime)
        let from = until.addingTimeInterval(-Self.hour)
        let promised: SQL = """
            reliability.agreement JOIN reliability.terms ON terms.id = agreement.terms_id WHERE agreement.state <> 'proposed'
                AND agreement.starts_at <= \(from) AND coalesce(agreement.ends_at >= \(until), TRUE) AND terms.latency_credit_percent > 0
                AND terms.credit_cap_percent > 0
            """
        let rows = try await reliability.query(
            """
            WITH silent AS MATERIALIZED (
                SELECT place.model, place.region FROM (SELECT DISTINCT agreement.model, agreement.region FROM \(promised)) AS place
                WHERE (SELECT count(*) FROM reliability.probe WHERE probe.model = place.model AND probe.region = place.region
                    AND probe.at >= \(from) AND probe.at < \(until) AND probe.fault IS DISTINCT FROM 'customer') < \(LatencyEpisodes.minimumSamples))
            SELECT DISTINCT agreement.model, agreement.region FROM \(promised)
                AND EXISTS (SELECT 1 FROM silent WHERE silent.model = agreement.model AND silent.region = agreement.region)
                AND (SELECT coalesce(sum(minute.first_token_samples), 0)::bigint FROM reliability.minute
                    WHERE minute.tenant_id = agreement.tenant_id AND minute.model = agreement.model AND minute.region = agreement.region
                        AND minute.minute_at >= \(from) AND minute.minute_at < \(until) AND NOT minute.drill) < \(LatencyEpisodes.minimumSamples)
            """)
        return Set(try rows.map { IncidentKey(.unmeasured, model: try $0.value("model"), region: try $0.value("region")) })
    }

    /// Of gateways that a drill keeps from the control plane, or did just now.
    private func aloneRegions() async throws -> Set<String> {
        let rows = try await reliability.query(
            """
            SELECT DISTINCT region FROM reliability.alone_gateway
            WHERE started_at <= \(now) AND until_at > \(now)::timestamptz - \(MinuteSources.silence)
            """)
        return Set(try rows.map { try $0.value("region") })
    }

    /// As the ledger has it, which is a quarter of an hour behind. Budgets that raise no alerts raise none here.
    private func unmeasuredBudgets() async throws -> Set<IncidentKey> {
        let silence: SQL = "r.evaluated_at - make_interval(mins => \(IncidentRules.silentMinutes)::integer)"
        let rows = try await reliability.query(
            """
            SELECT DISTINCT s.model, s.region FROM \(BudgetResource.source) JOIN reliability.objective AS objective ON objective.id = r.objective_id
            WHERE r.kind = 'availability' AND s.ended_at IS NULL AND objective.burn_alerts AND r.evaluated_at > \(now)::timestamptz - interval '30 minutes'
                AND \(BudgetResource.unmeasuredMinutes(since: silence)) = \(IncidentRules.silentMinutes)
            """)
        return Set(try rows.map { IncidentKey(.unmeasured, model: try $0.value("model"), region: try $0.value("region")) })
    }

    /// Models and regions that are to be probed from outside, and are not; a probe that our own key or limits fail shows nothing of the service.
    func outsideLost(_ terms: [FleetView.Terms]) async throws -> [IncidentTrigger] {
        let from = now.addingTimeInterval(-60 * Double(IncidentRules.outsideSilentMinutes))
        let rows = try await reliability.query(
            """
            SELECT DISTINCT model, region FROM reliability.probe
            WHERE kind = 'outside' AND at > \(from) AND at <= \(now) AND fault IS DISTINCT FROM 'customer'
            """)
        let probed = Set(try rows.map { IncidentKey(.outsideLost, model: try $0.value("model"), region: try $0.value("region")) })
        return Set(terms.map { IncidentKey(.outsideLost, model: $0.model, region: $0.region) }).subtracting(probed).sorted { $0.text < $1.text }
            .map { key in
                IncidentTrigger(
                    key: key, beganAt: from,
                    text:
                        "outside view lost: no probe of \(key.model) through the endpoint of \(key.region) for \(IncidentRules.outsideSilentMinutes) minutes"
                )
            }
    }

    /// An alert on a budget.
    private struct Burn {
        var key: IncidentKey
        var kind: String
        var isPage: Bool
        var openedAt: Date
        var isSpending: Bool
    }

    /// Alerts of all customers of a service together, and of one with a budget of its own: a page where one that pages is open, else a ticket.
    private func burns() async throws -> [(trigger: IncidentTrigger, isSpending: Bool)] {
        let open = Dictionary(grouping: try await alerts(), by: \.key)
        return open.sorted { $0.key.text < $1.key.text }.compactMap { key, alerts in
            let pages = alerts.filter(\.isPage)
            guard let beganAt = (pages.isEmpty ? alerts : pages).map(\.openedAt).min() else { return nil }
            let kinds = Set(alerts.map(\.kind)).sorted().joined(separator: ", ")
            let text = "budget of \(kinds)\(Self.whose(key)) is spent \(pages.isEmpty ? "slowly, and too fast to last" : "too fast")"
            let trigger = IncidentTrigger(key: key, beganAt: beganAt, text: text, severity: pages.isEmpty ? .ticket : .page)
            return (trigger, alerts.contains(where: \.isSpending))
        }
    }

    /// Those that are open, without the slow ones of what an incident has told already.
    private func alerts() async throws -> [Burn] {
        let rows = try await reliability.query(
            """
            SELECT subject.tenant_id, subject.tier, subject.model, subject.region, alert.severity = 'page' AS is_page, alert.opened_at, alert.kind,
                alert.short_seconds,
                (alert.kind = 'ttlt_p95' AND EXISTS (SELECT 1 FROM reliability.probe WHERE probe.model = subject.model
                    AND probe.region = subject.region AND \(MinuteBook.fixedLength) AND probe.ttlt_us > objective.threshold_microseconds
                    AND probe.at > \(now.addingTimeInterval(-Self.fresh)) AND probe.at <= \(now)))
                OR \(isSpending("subject")) AS spending
            FROM reliability.burn_alert AS alert JOIN reliability.budget_subject AS subject ON subject.id = alert.subject_id
            LEFT JOIN reliability.objective AS objective ON objective.id = alert.objective_id
            WHERE alert.closed_at IS NULL AND alert.opened_at <= \(now)
            """)
        guard !rows.isEmpty else { return [] }
        let tiers = try await tiers(of: rows)
        let ends = try await burnEnds()
        return try rows.compactMap { row in
            let burn = Burn(
                key: try key(.burn, row, tiers), kind: try row.value("kind"), isPage: try row.value("is_page"), openedAt: try row.value("opened_at"),
                isSpending: try row.value("spending"))
            guard !burn.isPage, let ended = ([burn.key] + burn.key.widerBudgets).compactMap({ ends[$0.text] }).max() else { return burn }
            let short = TimeInterval(try row.value("short_seconds", as: Int64.self))
            return burn.openedAt <= ended && now < ended.addingTimeInterval(short) ? nil : burn
        }
    }

    /// When the newest incident about a budget ended, by its key. An alert that was open by then goes on for as long as its short window has minutes of
    /// before, of which people heard; when it holds none of them any more, and the alert is still open, the budget is really spent slowly.
    private func burnEnds() async throws -> [String: Date] {
        let longest = BurnRule.shipped.map(\.shortSeconds).max() ?? 0
        let rows = try await reliability.query(
            """
            SELECT key, max(resolved_at) AS ended_at FROM reliability.incident
            WHERE rule = \(IncidentSignal.burn.rawValue) AND resolved_at > \(now.addingTimeInterval(-TimeInterval(longest))) GROUP BY key
            """)
        return try rows.reduce(into: [:]) { $0[try $1.value("key")] = try $1.value("ended_at", as: Date.self) }
    }

    /// Of a budget: a tenant's own is about its tier too.
    private func key(_ signal: IncidentSignal, _ row: PostgresRow, _ tiers: [String: String]) throws -> IncidentKey {
        let tenant = try row.value("tenant_id", as: UUID?.self)?.lowercased
        return IncidentKey(
            signal, tier: try tenant.map { tiers[$0] ?? "" } ?? row.value("tier"), model: try row.value("model"), region: try row.value("region"),
            tenant: tenant ?? "")
    }

    private static func whose(_ key: IncidentKey) -> String { key.tenant.isEmpty ? "" : " of tenant \(key.tenant)" }

    /// Of a tenant's own budget: more is spent of it now, by minutes of its own.
    private func isSpending(_ subject: SQL) -> SQL {
        """
        (\(subject).tenant_id IS NOT NULL AND EXISTS (SELECT 1 FROM reliability.minute WHERE minute.tenant_id = \(subject).tenant_id
            AND minute.model = \(subject).model AND minute.region = \(subject).region AND NOT minute.drill
            AND (minute.bad > 0 OR minute.first_token_over > 0)
            AND minute.minute_at >= date_trunc('minute', \(now)::timestamptz) - interval '1 minute' AND minute.minute_at <= \(now)))
        """
    }

    /// Of tenants, by their ids.
    private func tiers(of rows: [PostgresRow]) async throws -> [String: String] {
        let tenants = try rows.compactMap { try $0.value("tenant_id", as: UUID?.self) }
        guard !tenants.isEmpty else { return [:] }
        let rows = try await serving.query("SELECT id, tier FROM serving.tenants WHERE id = ANY(\(tenants)::uuid[])")
        return try rows.reduce(into: [:]) { $0[try $1.id("id")] = try $1.value("tier", as: String.self) }
    }

    /// Budgets that are not spent yet, and will be soon as it goes on like this.
    private func forecasts() async throws -> [(trigger: IncidentTrigger, isSpending: Bool)] {
        let rows = try await reliability.query(
            """
            SELECT s.tenant_id, s.tier, s.model, s.region,
                string_agg(r.kind || ' in ' || \(BudgetResource.hoursLeft) || ' h', ', ' ORDER BY r.kind) AS ends, bool_or(\(isSpending("s"))) AS spending
            FROM \(BudgetResource.source)
            WHERE s.ended_at IS NULL AND \(BudgetResource.hoursLeft)::numeric BETWEEN 0.1 AND \(IncidentRules.forecastHours)
            GROUP BY s.tenant_id, s.tier, s.model, s.region
            """)
        let tiers = try await tiers(of: rows)
        return try rows.map { row in
            let key = try key(.budgetEnding, row, tiers)
            let text = "at the pace of the last hour the budget\(Self.whose(key)) ends: \(try row.value("ends", as: String.self))"
            return (IncidentTrigger(key: key, beganAt: now, text: text), try row.value("spending"))
        }
    }

    /// The last two probes through a public endpoint failed, and not for a mistake of ours.
    private func probes() async throws -> [IncidentTrigger] {
        let rows = try await reliability.query(
            """
            SELECT model, region, bool_or(drill) AS drill, min(at) AS began_at, string_agg(DISTINCT fault, ', ' ORDER BY fault) AS faults
            FROM (SELECT model, region, drill, at, succeeded, fault, row_number() OVER (PARTITION BY model, region ORDER BY at DESC, id) AS place
                FROM reliability.probe
                WHERE kind = 'outside' AND at > \(now.addingTimeInterval(-2 * Self.fresh)) AND at <= \(now)
                    AND fault IS DISTINCT FROM 'customer') AS probe
            WHERE place <= 2 GROUP BY model, region
            HAVING count(*) = 2 AND NOT bool_or(succeeded) AND max(at) > \(now.addingTimeInterval(-Self.fresh))
            """)
        return try rows.map { row in
            let isDrill: Bool = try row.value("drill")
            let key = IncidentKey(
                .probesFailing, model: try row.value("model"), region: try row.value("region"), subject: isDrill ? "drill" : "")
            return IncidentTrigger(
                key: key, beganAt: try row.value("began_at"), text: "probes from outside fail: \(try row.value("faults", as: String.self))",
                isDrill: isDrill)
        }
    }
}
