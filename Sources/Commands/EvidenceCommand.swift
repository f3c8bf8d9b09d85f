import ArgumentParser
import Cryptography
import Domain
import FoundationEssentials
import HTTPWire
import Program

enum EvidenceTrees: AdminKind {
    static let path = "evidence/trees"
    static let noun = "tree"
    static let columns: [AdminColumn] = ["id", "tenant", "month", "closed_until", "complete", "leaves", "root"]
    static let filters: [KindFilter] = [.tenant, KindFilter("month", "such as 2030-01")]
}

struct EvidenceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evidence", abstract: "Leaves of every minute, the public log of their roots, and bundles that customers check.",
        subcommands: [EvidenceTreesCommand.self, CheckpointCommand.self, ProveCommand.self, BundleCommand.self])
}

struct EvidenceTreesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trees", abstract: "Trees of tenants' months.", subcommands: [ListVerb<EvidenceTrees>.self, GetVerb<EvidenceTrees>.self])
}

/// `plimsoll evidence checkpoint`
struct CheckpointCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "checkpoint", abstract: "Prints the newest signed head of the public log, and checks that it grew.",
        discussion: """
            With --since, proves that the log of an older checkpoint, kept in a file, is the beginning of this one. Customers give the address of the
            operator's public pages with --url, and with --key the key that they keep. With --entries the leaves that it covers are written into a file, a line
            each, with which plimsoll verify holds a bundle against the whole log.
            """)

    @OptionGroup var options: AdminOptions
    @Option(help: "File with a checkpoint that was printed earlier.") var since: String?
    @Option(help: "File to write the leaves into that the newest checkpoint covers.") var entries: String?
    @Option(help: "Where the operator's public pages are, such as https://trust.example.com: for customers, who need no token.") var url: String?
    @Option(help: "The signer's verifier key, or a file that holds it; without it the one that the server tells.") var key: String?

    func run() async throws {
        try await CommandFailure.reporting {
            let client = try url.map { AdminClient(try AdminAccess(open: $0)) } ?? options.client()
            let key = try await signer(client)
            let note = try await client.page("evidence/v1/checkpoint")
            let newest = try Self.checkpoint(note, key)
            if let since {
                let older = try Self.checkpoint(try EvidenceFile.text(since), key)
                try await prove(older, newest, client)
            }
            if let entries { try EvidenceFile.write(try await leaves(of: newest, client), to: entries) }
            print(note, terminator: "")
        }
    }

    private func signer(_ client: AdminClient) async throws -> NoteKey {
        if let key { return try NoteKeyFile.find(key) }
        return try NoteKeyFile.parse(try await client.page("evidence/v1/key"))
    }

    private func prove(_ older: LogCheckpoint, _ newest: LogCheckpoint, _ client: AdminClient) async throws {
        guard older.size <= newest.size else { throw CommandFailure(.refused, "the log of the file is larger than the server's") }
        let proof = try await client.document("evidence/v1/consistency?from=\(older.size)&to=\(newest.size)")
        let path = EvidenceFile.digests(proof["path"])
        guard MerkleTree.isConsistent(old: older.size, older.root, new: newest.size, newest.root, path: path) else {
            throw CommandFailure(.refused, "the log of the file is not the beginning of the server's: its history was changed")
        }
    }

    /// All of them, which must hash to its root.
    private func leaves(of newest: LogCheckpoint, _ client: AdminClient) async throws -> String {
        var (text, frontier) = ("", MerkleFrontier())
        while frontier.count < newest.size {
            let page = try await client.page("evidence/v1/entries?from=\(frontier.count)&count=1000")
            let lines = page.split(separator: "\n").prefix(newest.size - frontier.count)
            guard !lines.isEmpty else { break }
            for line in lines { frontier.append(MerkleTree.leafHash(line.utf8)) }
            text += lines.map { $0 + "\n" }.joined()
        }
        guard frontier.root == newest.root else { throw CommandFailure(.refused, "the server's leaves are not those of its checkpoint") }
        return text
    }

    private static func checkpoint(_ text: String, _ key: NoteKey) throws(CommandFailure) -> LogCheckpoint {
        guard let note = SignedNote(text), let checkpoint = LogCheckpoint(note.text) else { throw CommandFailure(.refused, "this is no checkpoint") }
        guard note.isSigned(by: key) else { throw CommandFailure(.refused, "the checkpoint is not signed by the key \(key)") }
        return checkpoint
    }
}

/// `plimsoll evidence prove acme 2030-01-31T12:00Z --model chat --region eu`
struct ProveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prove", abstract: "Shows the leaf of a minute with its way to the root of the tenant's tree, checked here.")

    @OptionGroup var options: AdminOptions
    @Argument(help: "Tenant: id or name.") var tenant: String
    @Argument(help: "Such as 2030-01-31T12:00Z.") var minute: String
    @Option(help: "Where the tenant has more than one.") var model: String?
    @Option(help: "Where the tenant has more than one.") var region: String?

    func validate() throws {
        guard UTCMinute.parse(minute) != nil else { throw ValidationError("a minute is written as 2030-01-31T12:00Z") }
    }

    func run() async throws {
        try await CommandFailure.reporting {
            let client = try options.client()
            let id = try await EvidenceFile.tree(tenant, month: String(minute.prefix(7)), client)
            let query = [("minute", minute), ("model", model), ("region", region)].compactMap { name, value in
                value.map { "\(name)=\(AdminClient.escape($0))" }
            }
            let proof = try await client.get("evidence/trees/\(id)/inclusion?\(query.joined(separator: "&"))")
            guard let leaf = proof["leaf"]?.string, let index = proof["index"]?.integer, let size = proof["size"]?.integer,
                let root = proof["root"]?.string.flatMap({ SHA256Digest(hex: $0) }),
                MerkleTree.isIncluded(
                    MerkleTree.leafHash(leaf.utf8), at: Int(index), of: Int(size), path: EvidenceFile.digests(proof["path"]), root: root)
            else { throw CommandFailure(.refused, "the server's proof does not lead from the leaf to the root") }
            options.show(proof)
        }
    }
}

/// `plimsoll evidence bundle acme 2030-01 --to acme-2030-01.evidence`
struct BundleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bundle", abstract: "Downloads all evidence of a tenant's month as one file. plimsoll verify checks it.")

    @OptionGroup var options: AdminOptions
    @Argument(help: "Tenant: id or name.") var tenant: String
    @Argument(help: "Such as 2030-01.") var month: String
    @Option(help: "The file to write; printed without it.") var to: String?

    func run() async throws {
        try await CommandFailure.reporting {
            let client = try options.client()
            let id = try await EvidenceFile.tree(tenant, month: month, client)
            let bundle = try await LateProgress.over("fetching the bundle") { _ in try await client.page("admin/v1/evidence/trees/\(id)/bundle") }
            guard let to else { return print(bundle, terminator: "") }
            try EvidenceFile.write(bundle, to: to)
        }
    }
}

/// `plimsoll verify acme-2030-01.evidence`
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Checks a bundle of evidence with nothing but its bytes, and computes uptime, latency and credit anew.",
        discussion:
            """
            Asks nobody. Exit code 0 only when every step holds with a key from elsewhere, 2 when all of it holds with no key but the bundle's own: anybody can
            sign a bundle with a key of theirs. The key is printed by plimsoll evidence checkpoint's server, /evidence/v1/key.
            With --checkpoint the bundle is held against a checkpoint that was kept, or printed since (plimsoll evidence checkpoint), and with --entries against
            all leaves of the log (plimsoll evidence checkpoint --entries FILE): only so a correction shows that was withheld together with its leaf.
            """)

    @Argument(help: "The file.") var bundle: String
    @Option(help: "The signer's verifier key, or a file that holds it, from elsewhere than the bundle.") var key: String?
    @Option(help: "File with a checkpoint of the public log, from elsewhere than the bundle.") var checkpoint: String?
    @Option(help: "File with the leaves of the public log, from the first one on as far as both checkpoints go.") var entries: String?

    func validate() throws {
        guard entries == nil || checkpoint != nil else { throw ValidationError("--entries are of no use without --checkpoint, which signs them") }
    }

    func run() async throws {
        try await CommandFailure.reporting {
            let known = try key.map { try NoteKeyFile.find($0) }
            let found = BundleVerification(try EvidenceFile.bytes(bundle), key: known, against: try kept())
            for step in found.steps {
                print("\(step.holds ? "ok      " : "FAILED  ")\(PrintableText.clean(step.title)): \(PrintableText.clean(step.finding))")
            }
            if !found.isKeyKnown {
                print("note    the signer's key came from the bundle itself: without --key this shows that the bundle is whole, not who made it")
            }
            if checkpoint == nil {
                print("note    a correction that was withheld together with its leaf would show only against the log: --checkpoint and --entries")
            }
            guard found.holds else { throw CommandFailure(.refused, "the bundle does not hold") }
            guard found.isKeyKnown else { throw ProgramExit.unproven }
            print("The bundle holds.")
        }
    }

    private func kept() throws(CommandFailure) -> KeptLog? {
        guard let checkpoint else { return nil }
        guard let note = SignedNote(try EvidenceFile.text(checkpoint)) else { throw CommandFailure(.refused, "\(checkpoint) is no checkpoint") }
        var lines: [String]?
        if let entries { lines = try EvidenceFile.text(entries).split(separator: "\n").map(String.init) }
        return KeptLog(checkpoint: note, entries: lines)
    }
}

/// Verifier keys as people have them.
enum NoteKeyFile {
    /// The key itself, or a file with it.
    static func find(_ text: String) throws(CommandFailure) -> NoteKey {
        if let key = NoteKey(text) { return key }
        guard FileManager.default.fileExists(atPath: text) else { throw CommandFailure(.usage, "'\(text)' is neither a verifier key nor a file") }
        return try parse(try EvidenceFile.text(text))
    }

    static func parse(_ text: String) throws(CommandFailure) -> NoteKey {
        let line = text.hasSuffix("\n") ? String(text.dropLast()) : text
        guard let key = NoteKey(line) else { throw CommandFailure(.refused, "this is no verifier key: a name, an id and a key, joined by +") }
        return key
    }
}

enum EvidenceFile {
    static func bytes(_ path: String) throws(CommandFailure) -> [UInt8] {
        do {
            return Array(try Data(contentsOf: URL(filePath: path)))
        } catch {
            throw CommandFailure(.refused, "\(path) cannot be read", cause: error)
        }
    }

    static func write(_ text: String, to path: String) throws(CommandFailure) {
        do {
            try Data(text.utf8).write(to: URL(filePath: path))
        } catch {
            throw CommandFailure(.refused, "\(path) cannot be written", cause: error)
        }
    }

    static func text(_ path: String) throws(CommandFailure) -> String { String(decoding: try bytes(path), as: UTF8.self) }

    static func digests(_ value: JSONValue?) -> [SHA256Digest] {
        (value?.array ?? []).compactMap { $0.string.flatMap { SHA256Digest(hex: $0) } }
    }

    /// Id of a tenant's tree of a month.
    static func tree(_ tenant: String, month: String, _ client: AdminClient) async throws(CommandFailure) -> String {
        let found = try await client.all("evidence/trees", filters: [("tenant", tenant), ("month", month)], most: 1)
        guard let id = found.first?["id"]?.string else { throw CommandFailure(.refused, "\(tenant) has no evidence of \(month)") }
        return id
    }
}
