import Cryptography
import Domain
import FoundationEssentials
import Postgres

/// Puts a tenant's month into one file that is checked without us. The same month gives the same bytes until a correction or a credit is added to it.
struct BundleMaker: Sendable {
    let databases: ControlDatabases
    let signer: EvidenceSigner

    private struct Fact {
        let kind: String
        let line: String?
        let position: Int
    }

    func make(_ tree: TenantTree) async throws -> String {
        guard tree.isComplete else {
            throw AdminRefusal.conflict("month_open", "the month is not closed yet: there is a bundle when its last minute has a leaf")
        }
        let facts = try await facts(tree)
        let log = PublicLog(pool: databases.reliability)
        let size = (facts.map(\.position).max() ?? 0) + 1
        guard let note = try await log.checkpoint(covering: size), let checkpoint = SignedNote(note), let head = LogCheckpoint(checkpoint.text) else {
            throw AdminRefusal.conflict("not_signed", "no checkpoint covers this month yet: one is signed each hour")
        }
        let stretches = try await TenantLeaves.read(tree, databases.reliability)
        let judged = try await PromiseOfMonth.read(tree, stretches, databases)
        var bundle = EvidenceBundle(
            tenant: tree.tenantName, month: tree.month, salt: tree.salt, signer: signer.noteKey, terms: judged.terms, parts: judged.parts,
            checkpoint: checkpoint)
        bundle.exclusions = judged.exclusions
        bundle.probes = judged.probes
        bundle.corrections = facts.compactMap { $0.kind == "correction" ? $0.line.flatMap { EvidenceCorrection(line: $0) } : nil }
        bundle.credits = facts.compactMap { $0.kind == "credit" ? $0.line.flatMap { EvidenceCredit(line: $0) } : nil }
        bundle.log = try await leaves(facts, of: head.size, log)
        return try bundle.sealed(with: signer.key).description
    }

    /// What the log holds of the month: its last root, and all credits and corrections.
    private func facts(_ tree: TenantTree) async throws -> [Fact] {
        let rows = try await databases.reliability.query(
            """
            SELECT kind, line, position FROM reliability.evidence_fact
            WHERE tenant_id = \(tree.tenant) AND month = \(EvidenceTime.month(tree.month)) AND (kind <> 'root' OR leaves = \(tree.frontier.count))
            ORDER BY id
            """)
        return try rows.map { row in
            guard let position = try row.value("position", as: Int?.self) else {
                throw AdminRefusal.conflict("not_logged", "the month's newest facts are not in the public log yet: they are within a minute")
            }
            return Fact(kind: try row.value("kind"), line: try row.value("line"), position: position)
        }
    }

    private func leaves(_ facts: [Fact], of size: Int, _ log: PublicLog) async throws -> [EvidenceBundle.LogLeaf] {
        var leaves: [EvidenceBundle.LogLeaf] = []
        for fact in facts {
            let text = try await log.entries(fact.position..<fact.position + 1).first
            guard let entry = text.flatMap({ PublicLogEntry($0) }) else { throw PostgresError(.decoding, "the log lacks a leaf") }
            leaves.append(.init(position: fact.position, entry: entry, path: try await log.inclusion(of: fact.position, size: size)))
        }
        return leaves
    }
}

/// What judges a tenant's month: terms of each series, what they leave out, and probes that stand for quiet hours.
struct PromiseOfMonth: Sendable {
    var terms: [EvidenceTerms] = []
    var parts: [EvidenceBundle.Part] = []
    var exclusions: [EvidenceExclusion] = []
    var probes: [EvidenceProbes] = []

    static func read(_ tree: TenantTree, _ stretches: [EvidenceStretch], _ databases: ControlDatabases) async throws -> PromiseOfMonth {
        var found = PromiseOfMonth()
        let partial = try await partial(tree, databases.reliability)
        for stretch in stretches {
            let place = EvidenceSubscriptions.Place(model: stretch.series.model, region: stretch.series.region)
            let isWhole = stretch.runs.count == tree.month.minutes.count
            let terms = try await found.judge(place, tree, databases)
            found.parts.append(.init(stretch: stretch, terms: terms.id, partial: isWhole ? "" : partial[place] ?? "not subscribed all month"))
            if !found.terms.contains(where: { $0.id == terms.id }) { found.terms.append(terms) }
        }
        return found
    }

    /// Terms of a place, with what they leave out and the probes that they look at.
    private mutating func judge(
        _ place: EvidenceSubscriptions.Place, _ tree: TenantTree, _ databases: ControlDatabases
    ) async throws -> EvidenceTerms {
        let month = tree.month.minutes
        let row = try await databases.reliability.queryOne(
            """
            SELECT \(Agreement.columns) FROM reliability.agreement
            WHERE tenant_id = \(tree.tenant) AND model = \(place.model) AND region = \(place.region) AND state <> 'proposed'
                AND starts_at < \(EvidenceTime.minute(month.upperBound)) AND coalesce(ends_at > \(EvidenceTime.minute(month.lowerBound)), true)
            ORDER BY starts_at DESC LIMIT 1
            """)
        guard let agreement = try row.map({ try Agreement($0) }),
            let version = try await TermsVersion.read(agreement.terms, { try await databases.reliability.queryOne($0) })
        else { return try await Self.shown(tree, databases.serving) }
        try await leaveOut(agreement, version, month, databases.reliability)
        try await look(at: place, version.firstTokenThreshold, month, databases.reliability)
        return EvidenceTerms(
            id: "\(version.name)-\(version.version)", rule: version.rule, credit: version.credit,
            latency: .init(threshold: version.firstTokenThreshold, percent: version.latencyPercent, eachEpisode: version.latencyPerEpisode))
    }

    private mutating func leaveOut(
        _ agreement: Agreement, _ terms: TermsVersion, _ month: Range<Int64>, _ reliability: PostgresPool
    ) async throws {
        func exclusion(_ code: String, _ minutes: Range<Int64>, _ approval: String, _ reason: String) -> EvidenceExclusion {
            EvidenceExclusion(
                code: code, model: agreement.model, region: agreement.region, minutes: minutes, approval: approval, reason: reason)
        }
        if agreement.starts > month.lowerBound {
            exclusions.append(exclusion(EvidenceExclusion.uncovered, month.lowerBound..<agreement.starts, "", "the agreement begins later"))
        }
        if let ends = agreement.ends, ends < month.upperBound {
            exclusions.append(exclusion(EvidenceExclusion.uncovered, ends..<month.upperBound, "", "the agreement has ended"))
        }
        let gaps = try await PromiseGaps(pool: reliability).gaps(
            of: agreement.subject, month: month, rules: agreement.maintenance(terms), codes: terms.exclusions)
        for gap in gaps {
            let why = try await Self.reasons(of: gap, agreement, reliability)
            exclusions.append(exclusion(why.code, gap, why.approval, why.reason))
        }
    }

    /// Windows and exclusions that lie over a gap, as far as the contract knows them.
    private static func reasons(
        of gap: Range<Int64>, _ agreement: Agreement, _ reliability: PostgresPool
    ) async throws -> (code: String, approval: String, reason: String) {
        let row = try await reliability.queryOne(
            """
            SELECT string_agg(DISTINCT code, ', ') AS code, string_agg(DISTINCT approval, '; ') AS approval, string_agg(DISTINCT reason, '; ') AS reason
            FROM (
                SELECT 'scheduled_maintenance' AS code, 'announced ' || serving.wire_time(announced_at) AS approval, reason, model, region, starts_at, ends_at
                FROM reliability.maintenance_window WHERE state <> 'cancelled'
                UNION ALL
                SELECT code, 'approved by ' || array_to_string(approved_by, ', '), reason, model, region, starts_at, ends_at
                FROM reliability.effective_exclusion WHERE tenant_id IS NULL OR tenant_id = \(agreement.tenant)) AS known
            WHERE coalesce(model = \(agreement.model), true) AND coalesce(region = \(agreement.region), true)
                AND starts_at < \(EvidenceTime.minute(gap.upperBound)) AND ends_at > \(EvidenceTime.minute(gap.lowerBound))
            """)
        return (
            try row?.value("code", as: String?.self) ?? "", try row?.value("approval", as: String?.self) ?? "",
            try row?.value("reason", as: String?.self) ?? ""
        )
    }

    private mutating func look(
        at place: EvidenceSubscriptions.Place, _ threshold: Int64, _ month: Range<Int64>, _ reliability: PostgresPool
    ) async throws {
        guard !probes.contains(where: { $0.model == place.model && $0.region == place.region }) else { return }
        let rows = try await reliability.query(
            """
            SELECT floor(extract(epoch FROM at) / 60)::bigint AS minute, count(*) AS samples, count(*) FILTER (WHERE ttft_us > \(threshold)) AS over
            FROM reliability.probe WHERE model = \(place.model) AND region = \(place.region) AND succeeded AND NOT drill AND ttft_us IS NOT NULL
                AND at >= \(EvidenceTime.minute(month.lowerBound)) AND at < \(EvidenceTime.minute(month.upperBound))
            GROUP BY 1
            """)
        guard !rows.isEmpty else { return }
        var counters = [LatencyCounter](repeating: LatencyCounter(), count: month.count)
        for row in rows {
            counters[Int(try row.value("minute", as: Int64.self) - month.lowerBound)] = LatencyCounter(
                samples: try row.value("samples"), over: try row.value("over"))
        }
        probes.append(EvidenceProbes(model: place.model, region: place.region, since: month.lowerBound, counters: counters))
    }

    /// Without an agreement nothing is paid: the tier's objective is shown.
    private static func shown(_ tree: TenantTree, _ serving: PostgresPool) async throws -> EvidenceTerms {
        let row = try await serving.queryOne(
            """
            SELECT tier.ttft_objective_microseconds AS threshold FROM serving.tenants AS tenant JOIN serving.tiers AS tier ON tier.name = tenant.tier
            WHERE tenant.id = \(tree.tenant)
            """)
        let threshold = try row?.value("threshold", as: Int64.self)
        return EvidenceTerms(
            id: "without agreement", rule: .anyBad, credit: CreditTerms(objective: Ratio(999, 1000)), pays: false,
            latency: threshold.map { .init(threshold: $0) })
    }

    /// Why a series has not every minute of the month.
    private static func partial(_ tree: TenantTree, _ reliability: PostgresPool) async throws -> [EvidenceSubscriptions.Place: String] {
        let rows = try await reliability.query(
            """
            SELECT model, region, string_agg(cause || ' from ' || serving.wire_time(since_at) || coalesce(' until ' || serving.wire_time(until_at), ''),
                ', ' ORDER BY since_at) AS reason
            FROM reliability.evidence_series WHERE tenant_id = \(tree.tenant)
                AND since_at < \(EvidenceTime.minute(tree.month.minutes.upperBound))
                AND (until_at IS NULL OR until_at > \(EvidenceTime.minute(tree.month.minutes.lowerBound)))
            GROUP BY model, region
            """)
        var reasons: [EvidenceSubscriptions.Place: String] = [:]
        for row in rows {
            reasons[EvidenceSubscriptions.Place(model: try row.value("model"), region: try row.value("region"))] = try row.value("reason")
        }
        return reasons
    }
}
