import Cryptography
import Domain
import FoundationEssentials
import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(3))) struct EvidenceCommandTests {
    /// A whole idle month in a log of its own.
    private func bundle() throws -> (text: String, key: NoteKey, log: (checkpoint: String, entry: String)) {
        let key = try SigningKey(rawBytes: Array(1...32))
        let signer = try #require(NoteKey(name: "test/evidence", key: key.verifyingKey))
        let month = BillingPeriod(year: 2026, month: 6)
        var stretch = EvidenceStretch(series: try #require(EvidenceSeries(tenant: "t", model: "m", region: "eu")), since: month.minutes.lowerBound)
        stretch.runs.append(LeafCounts(status: .goodIdle), times: month.minutes.count)
        let tree = EvidenceWalk.frontier([stretch])
        let tag = PublicLogEntry.tag(tenant: "t", month: month, salt: [1])
        let entry = PublicLogEntry(tag: tag, month: month, fact: .root(size: tree.count, tree.root))
        let checkpoint = LogCheckpoint(origin: signer.name, size: 1, root: entry.hash)
        let terms = EvidenceTerms(id: "a", rule: .anyBad, credit: CreditTerms(objective: Ratio(999, 1000)))
        var bundle = EvidenceBundle(
            tenant: "t", month: month, signer: signer, terms: [terms],
            promises: [EvidencePromise(id: "one", model: "m", region: "eu", terms: "a", zone: "UTC", minutes: month.minutes)],
            trees: [.init(month: month, salt: [1], parts: [.init(stretch: stretch)])], checkpoint: try checkpoint.note(signedWith: key))
        bundle.contracts = [EvidenceContract(promise: "one", codes: [], maintenance: nil, month: month.minutes, clock: .utc)]
        bundle.log = [.init(position: 0, entry: entry, path: [])]
        return (try bundle.sealed(with: key).description, signer, (bundle.checkpoint.description, entry.text))
    }

    private func file(_ text: String) throws -> String {
        let path = FileManager.default.temporaryDirectory.appending(path: "plimsoll-\(UUID().uuidString)").path()
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }

    @Test func `a bundle is verified without a server, and a changed one is refused`() async throws {
        let (text, key, _) = try bundle()
        let (path, keyPath) = (try file(text), try file("\(key)\n"))
        let changed = try file(text.replacing("good:idle", with: "good:Idle"))
        let own = try await AdminWorld.plimsoll(["verify", path], [:])
        #expect(own.exit == 2 && own.output.contains("came from the bundle itself") && own.output.contains("each of 43200 minutes once"), "\(own)")
        #expect(!own.output.contains("The bundle holds"))
        let known = try await AdminWorld.plimsoll(["verify", path, "--key", keyPath], [:])
        #expect(known.exit == 0 && !known.output.contains("came from the bundle") && known.output.hasSuffix("The bundle holds."), "\(known)")
        #expect(try await AdminWorld.plimsoll(["verify", path, "--key", key.description], [:]).exit == 0)
        let broken = try await AdminWorld.plimsoll(["verify", changed, "--key", keyPath], [:])
        #expect(try await AdminWorld.plimsoll(["verify", changed], [:]).exit == 1)
        #expect(broken.exit == 1 && broken.output.contains("FAILED") && broken.errors.contains("does not hold"), "\(broken)")
        let other = try #require(NoteKey(name: key.name, key: SigningKey().verifyingKey))
        #expect(try await AdminWorld.plimsoll(["verify", path, "--key", other.description], [:]).exit == 1)
        #expect(try await AdminWorld.plimsoll(["verify", path, "--key", "nothing"], [:]).exit == 64)
        for file in [path, keyPath, changed] { try FileManager.default.removeItem(atPath: file) }
    }

    @Test func `a bundle is held against a log that was kept elsewhere`() async throws {
        let (text, key, log) = try bundle()
        let (path, checkpoint, entries, other) = (try file(text), try file(log.checkpoint), try file(log.entry + "\n"), try file("another\n"))
        let words = ["verify", path, "--key", key.description]
        let alone = try await AdminWorld.plimsoll(words, [:])
        #expect(alone.exit == 0 && alone.output.contains("would show only against the log"), "\(alone)")
        let same = try await AdminWorld.plimsoll(words + ["--checkpoint", checkpoint], [:])
        #expect(same.exit == 0 && same.output.contains("the bundle's checkpoint is the one that was kept"), "\(same)")
        let whole = try await AdminWorld.plimsoll(words + ["--checkpoint", checkpoint, "--entries", entries], [:])
        #expect(whole.exit == 0 && whole.output.contains("no correction or credit of the month in the log is missing here"), "\(whole)")
        let forked = try await AdminWorld.plimsoll(words + ["--checkpoint", checkpoint, "--entries", other], [:])
        #expect(forked.exit == 1 && forked.output.contains("FAILED  kept"), "\(forked)")
        #expect(try await AdminWorld.plimsoll(words + ["--entries", entries], [:]).exit == 64)
        #expect(try await AdminWorld.plimsoll(words + ["--checkpoint", entries], [:]).errors.contains("is no checkpoint"))
        for file in [path, checkpoint, entries, other] { try FileManager.default.removeItem(atPath: file) }
    }

    @Test func `the checkpoint is printed, and an older one is proven to be its beginning`() async throws {
        try await AdminWorld.run { world in
            #expect(try await world.plimsoll("evidence", "checkpoint").exit == 1, "nothing is signed yet")
            let key = try SigningKey(rawBytes: Array(1...32))
            let leaves = (0..<3).map { MerkleTree.leafHash("entry \($0)".utf8) }
            var (frontier, nodes) = (MerkleFrontier(), [(MerkleNode, SHA256Digest)]())
            for leaf in leaves { frontier.append(leaf) { nodes.append(($0, $1)) } }
            for (node, hash) in nodes {
                _ = try await world.row(
                    "INSERT INTO reliability.evidence_log_node (level, place, hash) VALUES (\(node.level), \(node.index), \(hash.bytes))")
            }
            for place in 0..<3 {
                _ = try await world.row("INSERT INTO reliability.evidence_log (position, entry) VALUES (\(place), \("entry \(place)"))")
            }
            for size in 1...3 {
                let root = MerkleTree.root(leaves[..<size])
                let note = try LogCheckpoint(origin: "test/evidence", size: size, root: root).note(signedWith: key).description
                _ = try await world.row(
                    """
                    INSERT INTO reliability.evidence_checkpoint (hour_at, size, root, note)
                    VALUES (to_timestamp(\(size) * 3600), \(size), \(root.bytes), \(note))
                    """)
            }
            let older = try LogCheckpoint(origin: "test/evidence", size: 2, root: MerkleTree.root(leaves[..<2])).note(signedWith: key).description
            let forged = try LogCheckpoint(origin: "test/evidence", size: 2, root: leaves[0]).note(signedWith: key).description
            let (good, bad) = (try file(older), try file(forged))
            let found = try await world.plimsoll("evidence", "checkpoint", "--since", good)
            #expect(found.exit == 0 && found.output.hasPrefix("test/evidence\n3\n"), "\(found)")
            #expect(try await world.plimsoll("evidence", "checkpoint", "--since", bad).errors.contains("its history was changed"))
            let noteKey = try #require(NoteKey(name: "test/evidence", key: key.verifyingKey)).description
            let words = ["evidence", "checkpoint", "--url", world.url, "--since", good, "--key"]
            #expect(try await AdminWorld.plimsoll(words + [noteKey], [:]).exit == 0, "a customer needs no token")
            let list = FileManager.default.temporaryDirectory.appending(path: "plimsoll-\(UUID().uuidString)").path()
            #expect(try await AdminWorld.plimsoll(words + [noteKey, "--entries", list], [:]).exit == 0)
            #expect(try String(decoding: Data(contentsOf: URL(filePath: list)), as: UTF8.self) == "entry 0\nentry 1\nentry 2\n")
            let stranger = try #require(NoteKey(name: "test/evidence", key: SigningKey().verifyingKey)).description
            #expect(try await AdminWorld.plimsoll(words + [stranger], [:]).errors.contains("is not signed by the key"))
            let wrong = try LogCheckpoint(origin: "test/evidence", size: 3, root: leaves[0]).note(signedWith: key).description
            _ = try await world.row(
                "INSERT INTO reliability.evidence_checkpoint (hour_at, size, root, note) VALUES (to_timestamp(14400), 3, \(leaves[0].bytes), \(wrong))"
            )
            let lying = ["evidence", "checkpoint", "--url", world.url, "--key", noteKey, "--entries", list]
            #expect(try await AdminWorld.plimsoll(lying, [:]).errors.contains("are not those of its checkpoint"))
            #expect(try await world.plimsoll("evidence", "trees", "list").output == "no evidence/trees")
            for file in [good, bad, list] { try FileManager.default.removeItem(atPath: file) }
        }
    }
}
