import Cryptography
import Domain
import FoundationEssentials
import Postgres

/// Tenants' trees for administrators: roots, proofs of single minutes and of growth, and the bundle of a month.
enum EvidenceResource {
    private static let resource = AdminResource(
        path: "evidence/trees", kind: "evidence_tree", table: "reliability.evidence_tree",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'tenant', r.tenant_id, 'month', to_char(r.month, 'YYYY-MM'),
                    'closed_until', serving.wire_time(r.next_at), 'complete', r.next_at = (r.month + interval '1 month') AT TIME ZONE 'UTC',
                    'leaves', r.leaves, 'root', encode(r.root, 'hex'), 'created_at', serving.wire_time(r.created_at))
                """,
            source: "reliability.evidence_tree AS r", usualOrder: .descending,
            filters: [.reference("tenant", "r.tenant_id", to: .tenants), .text("month", "to_char(r.month, 'YYYY-MM')")]),
        naming: .none)

    static func routes(_ signer: EvidenceSigner?) -> [AdminRoute] {
        [list, single, inclusion, consistency, bundle(signer)]
    }

    private static let list = AdminRoute.read(resource.path) { call, databases in
        try await resource.listing.page(call, databases.reliability, names: databases.serving)
    }

    private static let single = AdminRoute.read("\(resource.path)/{id}") { call, databases in
        try call.refuseQuery()
        return AdminAnswer(body: try await resource.find(call.reference) { try await databases.reliability.queryOne($0) }.document)
    }

    /// One minute of one series, by default the newest leaf.
    private static let inclusion = AdminRoute.read("evidence/trees/{id}/inclusion") { call, databases in
        try call.refuseQuery(but: ["model", "region", "minute"])
        let tree = try await tree(call, databases)
        var wanted = -1
        if let text = call.query["minute"] {
            guard let minute = UTCMinute.parse(text) else { throw AdminRefusal.fault("minute", "must be a minute such as 2030-01-31T12:00Z") }
            wanted = Int(minute)
        }
        var (hashes, found): ([SHA256Digest], (index: Int, leaf: EvidenceLeaf)?) = ([], nil)
        EvidenceWalk.leaves(try await TenantLeaves.read(tree, databases.reliability)) { leaf in
            let isAsked =
                (wanted < 0 || leaf.minute == Int64(wanted)) && leaf.series.model == call.query["model"] ?? leaf.series.model
                && leaf.series.region == call.query["region"] ?? leaf.series.region
            if isAsked { found = (hashes.count, leaf) }
            hashes.append(leaf.hash)
        }
        guard let found, hashes.count == tree.frontier.count else { throw AdminRefusal.notFound }
        let path = MerkleTree.inclusionPath(found.index, hashes[...])
        return AdminAnswer(
            body: "{\"leaf\":\(AdminJSON.string(found.leaf.text)),\"index\":\(found.index),\"size\":\(hashes.count),"
                + "\"root\":\"\(tree.frontier.root)\",\"path\":\(hexes(path))}")
    }

    /// That the tree of some leaves is the beginning of that of more, by default of all.
    private static let consistency = AdminRoute.read("evidence/trees/{id}/consistency") { call, databases in
        try call.refuseQuery(but: ["from", "to"])
        let tree = try await tree(call, databases)
        let to = try call.number("to", in: 0...tree.frontier.count) ?? tree.frontier.count
        let from = try call.number("from", in: 0...to) ?? 0
        let hashes = EvidenceWalk.hashes(try await TenantLeaves.read(tree, databases.reliability)).prefix(to)
        guard hashes.count == to else { throw AdminRefusal.conflict("busy", "the tree is growing; try again") }
        return AdminAnswer(
            body:
                "{\"from\":\(from),\"from_root\":\"\(MerkleTree.root(hashes.prefix(from)))\",\"to\":\(to),\"to_root\":\"\(MerkleTree.root(hashes))\","
                + "\"path\":\(hexes(MerkleTree.consistencyPath(from: from, hashes)))}")
    }

    private static func bundle(_ signer: EvidenceSigner?) -> AdminRoute {
        .read("evidence/trees/{id}/bundle") { call, databases in
            try call.refuseQuery()
            guard let signer else {
                throw AdminRefusal.conflict("no_key", "there is no key that signs evidence: run plimsoll-control init, then restart")
            }
            let tree = try await tree(call, databases)
            return AdminAnswer(body: try await BundleMaker(databases: databases, signer: signer).make(tree), contentType: "text/plain; charset=utf-8")
        }
    }

    private static func tree(_ call: AdminCall, _ databases: ControlDatabases) async throws -> TenantTree {
        guard let id = UUID(uuidString: call.reference),
            let row = try await databases.reliability.queryOne("SELECT \(TenantTree.columns) FROM reliability.evidence_tree WHERE id = \(id)")
        else { throw AdminRefusal.notFound }
        return try TenantTree(row)
    }

    static func hexes(_ digests: [SHA256Digest]) -> String { "[" + digests.map { "\"\($0)\"" }.joined(separator: ",") + "]" }
}

extension AdminCall {
    func refuseQuery(but known: Set<String>) throws {
        if let name = query.keys.filter({ !known.contains($0) }).min() { throw AdminRefusal.fault(name, "is not a parameter of this request") }
    }

    /// Nil when it is not given.
    func number(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let text = query[name] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw AdminRefusal.fault(name, "must be an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}
