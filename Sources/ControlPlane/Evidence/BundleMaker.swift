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

        /// What was written as it is read, or nothing: one that is left out would be missed.
        func read<Value>(_ reading: (String) -> Value?) throws -> Value {
            guard let found = line.flatMap(reading) else { throw PostgresError(.decoding, "a \(kind) that is none") }
            return found
        }
    }

    func make(_ tree: TenantTree) async throws -> String {
        guard tree.isComplete else { throw Self.open }
        try await refuseUnsettled(tree)
        let stretches = try await TenantLeaves.read(tree, databases.reliability)
        let judged = try await PromiseOfMonth.read(tree, stretches, databases)
        var (trees, facts): ([EvidenceBundle.Tree], [Fact]) = ([], [])
        for part in EvidenceSpan.parts(of: tree.month, covering: judged.promises.map(\.minutes)) {
            guard let found = try await self.tree(part, of: tree) else { continue }
            trees.append(found.tree)
            facts += try await self.facts(part, leaves: found.count, of: tree)
        }
        let log = PublicLog(pool: databases.reliability)
        let size = (facts.map(\.position).max() ?? 0) + 1
        guard let note = try await log.checkpoint(covering: size), let checkpoint = SignedNote(note), let head = LogCheckpoint(checkpoint.text) else {
            throw AdminRefusal.conflict("not_signed", "no checkpoint covers this month yet: one is signed each hour")
        }
        var bundle = EvidenceBundle(
            tenant: tree.tenantName, month: tree.month, signer: signer.noteKey, terms: judged.terms, promises: judged.promises, trees: trees,
            checkpoint: checkpoint)
        bundle.contracts = judged.contracts
        bundle.maintenance = judged.maintenance
        bundle.exclusions = judged.exclusions
        bundle.probes = judged.probes
        bundle.corrections = try facts.filter { $0.kind == "correction" }.map { try $0.read { EvidenceCorrection(line: $0) } }
        bundle.credits = try facts.filter { $0.kind == "credit" }.map { try $0.read { EvidenceCredit(line: $0) } }
        bundle.log = try await leaves(facts, of: head.size, log)
        return try bundle.sealed(with: signer.key).description
    }

    private static var open: AdminRefusal {
        .conflict("month_open", "the month is not closed yet: there is a bundle when its last minute, in the zone of the terms, has a leaf")
    }

    /// Between a late report and the credit that follows from it a bundle would contradict itself.
    private func refuseUnsettled(_ tree: TenantTree) async throws {
        let row = try await databases.reliability.queryOne(
            """
            SELECT known.reason FROM (
                SELECT noted.agreement_id, fault.reason FROM reliability.credit_recheck AS noted
                LEFT JOIN reliability.credit_fault AS fault ON fault.agreement_id = noted.agreement_id AND fault.month = noted.month
                WHERE noted.month = \("\(tree.month)")) AS known
            JOIN reliability.agreement ON agreement.id = known.agreement_id WHERE agreement.tenant_id = \(tree.tenant)
            UNION ALL
            SELECT NULL FROM reliability.evidence_late WHERE tenant_id = \(tree.tenant)
                AND minute_at >= \(EvidenceTime.minute(tree.month.minutes.lowerBound)) AND minute_at < \(EvidenceTime.minute(tree.month.minutes.upperBound))
            ORDER BY reason NULLS LAST LIMIT 1
            """)
        guard let row else { return }
        guard let reason = try row.value("reason", as: String?.self) else {
            throw AdminRefusal.conflict(
                "not_settled", "something of this month was told or approved just now, and its credits are being computed anew")
        }
        throw AdminRefusal.conflict(
            "not_settled", "a credit of this month cannot be computed (\(reason)): see plimsoll credits waiting list failing=yes")
    }

    /// Leaves of a part, and how many the tree has at its end. Nil when the tenant had no tree yet.
    private func tree(_ part: EvidenceSpan.Part, of own: TenantTree) async throws -> (tree: EvidenceBundle.Tree, count: Int)? {
        let row = try await databases.reliability.queryOne(
            """
            SELECT \(TenantTree.columns) FROM reliability.evidence_tree
            WHERE tenant_id = \(own.tenant) AND month = \(EvidenceTime.month(part.month))
            """)
        guard let tree = try row.map({ try TenantTree($0) }), tree.next >= part.minutes.upperBound else {
            guard part.month < own.month else { throw Self.open }
            return nil
        }
        let all = try await TenantLeaves.read(tree, databases.reliability)
        let before = EvidenceWalk.frontier(all.compactMap { $0.clamped(to: tree.month.minutes.lowerBound..<part.minutes.lowerBound) })
        let stretches = all.compactMap { $0.clamped(to: part.minutes) }
        let partial = part.month == own.month ? try await Self.partial(own, databases.reliability) : [:]
        let parts = stretches.map { stretch in
            let place = EvidenceSubscriptions.Place(model: stretch.series.model, region: stretch.series.region)
            let isWhole = stretch.runs.count == part.minutes.count || part.month != own.month
            return EvidenceBundle.Part(stretch: stretch, partial: isWhole ? "" : partial[place] ?? "not subscribed all month")
        }
        let count = stretches.reduce(before.count) { $0 + $1.runs.count }
        return (EvidenceBundle.Tree(month: part.month, salt: tree.salt, before: before, parts: parts), count)
    }

    /// What the log holds of a part: its root, corrections of its minutes, and credits of the month.
    private func facts(_ part: EvidenceSpan.Part, leaves: Int, of own: TenantTree) async throws -> [Fact] {
        let rows = try await databases.reliability.query(
            """
            SELECT kind, line, position FROM reliability.evidence_fact
            WHERE tenant_id = \(own.tenant) AND month = \(EvidenceTime.month(part.month)) AND (kind <> 'root' OR leaves = \(leaves))
                AND (kind <> 'credit' OR \(part.month == own.month))
            ORDER BY id
            """)
        return try rows.compactMap { row in
            let (kind, line): (String, String?) = (try row.value("kind"), try row.value("line"))
            if kind == "correction", let line, let found = EvidenceCorrection(line: line), !part.minutes.contains(found.leaf.minute) { return nil }
            guard let position = try row.value("position", as: Int?.self) else {
                throw AdminRefusal.conflict("not_logged", "the month's newest facts are not in the public log yet: they are within a minute")
            }
            return Fact(kind: kind, line: line, position: position)
        }
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
