import Domain
import FoundationEssentials
import Postgres

/// What judges a tenant's month: its agreements, each for its minutes by its terms, what they leave out, and probes that stand for quiet hours.
struct PromiseOfMonth: Sendable {
    var terms: [EvidenceTerms] = []
    var promises: [EvidencePromise] = []
    var contracts: [EvidenceContract] = []
    var maintenance: [EvidenceMaintenance] = []
    var exclusions: [EvidenceExclusion] = []
    var probes: [EvidenceProbes] = []

    /// - Parameter stretches: Of the month's tree.
    static func read(_ tree: TenantTree, _ stretches: [EvidenceStretch], _ databases: ControlDatabases) async throws -> PromiseOfMonth {
        var found = PromiseOfMonth()
        let scrub = try await NameScrub.read(for: "\(tree.tenant)") { try await databases.serving.query($0) }
        let rows = try await databases.reliability.query(
            """
            SELECT \(Agreement.columns) FROM reliability.agreement
            WHERE tenant_id = \(tree.tenant) AND state <> 'proposed'
                AND starts_at < \(EvidenceTime.minute(tree.month.minutes.upperBound)) + interval '1 day'
                AND coalesce(ends_at > \(EvidenceTime.minute(tree.month.minutes.lowerBound)) - interval '1 day', true)
            ORDER BY model, region, starts_at, id
            """)
        for row in rows { try await found.judge(try Agreement(row), tree, scrub, databases.reliability) }
        try await found.show(tree, stretches, databases)
        return found
    }

    private mutating func judge(_ agreement: Agreement, _ tree: TenantTree, _ scrub: NameScrub, _ reliability: PostgresPool) async throws {
        guard let version = try await TermsVersion.read(agreement.terms, { try await reliability.queryOne($0) }) else { return }
        let month = try await CreditLedger.minutes(of: tree.month.description, in: version.timeZone, reliability)
        let minutes = agreement.minutes(in: month)
        guard !minutes.isEmpty else { return }
        let why = [
            minutes.lowerBound > month.lowerBound ? "the agreement begins then" : nil, minutes.upperBound < month.upperBound ? "it ends then" : nil,
        ]
        let promise = EvidencePromise(
            id: agreement.id.uuidString.lowercased(), model: agreement.model, region: agreement.region, terms: "\(version.name)-\(version.version)",
            zone: version.timeZone, minutes: minutes, partial: why.compactMap(\.self).joined(separator: ", "))
        promises.append(promise)
        try await leaveOut(agreement, version, month, promise, scrub, reliability)
        try await look(at: promise, version.firstTokenThreshold, reliability)
        guard !terms.contains(where: { $0.id == promise.terms }) else { return }
        terms.append(
            EvidenceTerms(
                id: promise.terms, rule: version.rule, credit: version.credit,
                latency: .init(threshold: version.firstTokenThreshold, percent: version.latencyPercent, eachEpisode: version.latencyPerEpisode)))
    }

    /// - Parameter scrub: Takes names out of reasons, which people wrote: the bundle is the customer's.
    private mutating func leaveOut(
        _ agreement: Agreement, _ terms: TermsVersion, _ month: Range<Int64>, _ promise: EvidencePromise, _ scrub: NameScrub,
        _ reliability: PostgresPool
    ) async throws {
        let gaps = PromiseGaps(pool: reliability)
        let rules = agreement.maintenance(terms)
        contracts.append(
            EvidenceContract(
                promise: promise.id, codes: terms.exclusions, maintenance: rules, month: month,
                clock: try await gaps.clock(of: terms.timeZone, month: month)))
        if rules != nil {
            maintenance += try await gaps.maintenance(of: agreement.subject, month: month).map { planned in
                let told = PlannedMaintenance(
                    announced: planned.announced, starts: planned.starts, ends: planned.ends, reason: scrub.clean(planned.reason))
                return EvidenceMaintenance(promise: promise.id, planned: told)
            }
        }
        for found in try await gaps.exclusions(of: agreement.subject, month: promise.minutes, codes: terms.exclusions) where !found.minutes.isEmpty {
            exclusions.append(
                EvidenceExclusion(
                    promise: promise.id, code: found.code, minutes: found.minutes, approval: "approved by \(found.approvers.joined(separator: ", "))",
                    reason: scrub.clean(found.reason)))
        }
    }

    private mutating func look(at promise: EvidencePromise, _ threshold: Int64, _ reliability: PostgresPool) async throws {
        let found = try await ProbeLatency.minutes(
            model: promise.model, region: promise.region, in: promise.minutes, threshold: threshold, reliability)
        guard !found.isEmpty else { return }
        var counters = [LatencyCounter](repeating: LatencyCounter(), count: promise.minutes.count)
        for (minute, counter) in found { counters[Int(minute - promise.minutes.lowerBound)] = counter }
        probes.append(EvidenceProbes(promise: promise.id, since: promise.minutes.lowerBound, counters: counters))
    }

    /// Without an agreement nothing is paid: the objective that holds is shown.
    private mutating func show(_ tree: TenantTree, _ stretches: [EvidenceStretch], _ databases: ControlDatabases) async throws {
        let series = Dictionary(grouping: stretches, by: \.series).filter { series, _ in !promises.contains { $0.covers(series) } }
        guard !series.isEmpty else { return }
        let row = try await databases.serving.queryOne(
            """
            SELECT tier.name, tier.ttft_objective_microseconds AS threshold FROM serving.tenants AS tenant
            JOIN serving.tiers AS tier ON tier.name = tenant.tier WHERE tenant.id = \(tree.tenant)
            """)
        let (tier, threshold) = (try row?.value("name", as: String.self), try row?.value("threshold", as: Int64.self))
        let objectives = try await ObjectiveStore.active { try await databases.reliability.query($0) }
        for (series, stretches) in series.sorted(by: { $0.key < $1.key }) {
            guard let first = stretches.map(\.since).min(), let end = stretches.map(\.until).max() else { continue }
            let scope = ObjectiveScope(tenant: tree.tenantName, tier: tier, model: series.model, region: series.region)
            let shown = Self.shown(objectives.holding(.availability, for: scope), threshold)
            if !terms.contains(where: { $0.id == shown.id }) { terms.append(shown) }
            promises.append(
                EvidencePromise(
                    id: "none \(series.model) \(series.region)", model: series.model, region: series.region, terms: shown.id, zone: "UTC",
                    minutes: first..<end, partial: first..<end == tree.month.minutes ? "" : "what was measured of the month"))
        }
    }

    /// Where there is no objective either nothing is aimed at.
    private static func shown(_ held: StoredObjective?, _ threshold: Int64?) -> EvidenceTerms {
        EvidenceTerms(
            id: held.map { "objective \($0.name)" } ?? "no objective", rule: held?.objective.rule ?? .anyBad,
            credit: CreditTerms(objective: held?.objective.goodShare ?? Ratio(0, 1)), pays: false, latency: threshold.map { .init(threshold: $0) })
    }
}
