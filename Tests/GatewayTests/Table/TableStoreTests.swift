import Cryptography
import PlimsollWire
import Synchronization
import Testing

@testable import Gateway

/// Makes and signs tables as the control plane does.
struct TablePress {
    let key: SigningKey

    init() throws { key = try SigningKey() }

    static func worker(_ name: String, weight: Int = 1_000_000) throws -> (String, String) {
        let entry = WorkerEntry(
            id: name, host: "h", provider: "p", pool: "pool", region: "eu", model: "mock", release: "mock-q4", dialect: .vllm, link: .tunnel,
            draining: false, slots: 4, contextTokens: 4096, weight: weight)
        return ("worker/\(name)", String(decoding: try WireCoder.encode(entry), as: UTF8.self))
    }

    static func workers(_ count: Int) throws -> [String: String] {
        Dictionary(uniqueKeysWithValues: try (0..<count).map { try worker("w\($0)") })
    }

    func table(_ version: Int64, _ whole: [String: String], since: Int64? = nil, sent: [String: String]? = nil, removed: [String] = [])
        throws -> SignedTable
    {
        var hasher = SHA256Hasher()
        for key in whole.keys.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            hasher.update(Hash.sha256(key))
            hasher.update(Hash.sha256(whole[key] ?? ""))
        }
        let digest = hasher.finish().hex
        let signature = try key.sign(Array("plimsoll-table-1\n\(version)\n1800000000\n\(digest)\n".utf8))
        return SignedTable(
            version: version, since: since, issuedAtSeconds: 1_800_000_000, digestHex: digest, signatureBase64: Base64.encode(signature),
            entries: sent ?? whole, removed: removed)
    }
}

@Suite("Routing table store")
struct TableStoreTests {
    let press: TablePress
    let folder: ScratchFolder
    let store: TableStore

    init() throws {
        press = try TablePress()
        folder = try ScratchFolder()
        store = TableStore(directory: folder.path, key: press.key.verifyingKey)
    }

    private func reason(_ table: SignedTable, now: Int64 = 0) throws -> TableRefusal.Reason? {
        do {
            if case .fleetHeld(let refusal) = try store.apply(table, now: now) { return refusal.reason }
            return nil
        } catch let refusal as TableRefusal {
            return refusal.reason
        }
    }

    @Test("a whole table is taken and told to subscribers, early and late ones")
    func whole() throws {
        let seen = Mutex<[Int64]>([])
        store.subscribe { contents in seen.withLock { $0.append(contents.version) } }
        try store.apply(try press.table(1, try TablePress.workers(2)), now: 0)
        store.subscribe { contents in seen.withLock { $0.append(contents.version + 100) } }
        #expect(seen.withLock { $0 } == [1, 101])
        #expect(store.current?.workers.map(\.id) == ["w0", "w1"])
        #expect(store.current?.age(nowSeconds: 1_800_000_007) == 7)
    }

    @Test("a change gives the same table as the whole one")
    func changeEqualsWhole() throws {
        var entries = try TablePress.workers(3)
        try store.apply(try press.table(1, entries), now: 0)
        let (key, text) = try TablePress.worker("w1", weight: 5)
        entries[key] = text
        entries["worker/w2"] = nil
        let other = TableStore(directory: try ScratchFolder().path, key: press.key.verifyingKey)
        #expect(try reason(press.table(2, entries, since: 1, sent: [key: text], removed: ["worker/w2"])) == nil)
        // The other folder is gone, so keeping it fails, but the table is in force.
        #expect(throws: (any Error).self) { try other.apply(try press.table(2, entries), now: 0) }
        #expect(store.current?.workers == other.current?.workers)
        #expect(store.current?.digestHex == other.current?.digestHex)
    }

    @Test("a table that must not be believed is refused with its reason, and the last good one stays")
    func refusals() throws {
        let good = try TablePress.workers(2)
        try store.apply(try press.table(5, good), now: 0)
        #expect(try reason(TablePress().table(6, good)) == .wrongSignature)
        var renumbered = try press.table(6, good)
        renumbered.version = 7
        #expect(try reason(renumbered) == .wrongSignature)
        var changed = try press.table(6, good)
        changed.entries["worker/w9"] = try TablePress.worker("w9").1
        #expect(try reason(changed) == .wrongDigest)
        #expect(try reason(press.table(5, good)) == .notNewer)
        #expect(try reason(press.table(4, good)) == .notNewer)
        #expect(try reason(press.table(6, good, since: 3, sent: [:])) == .wrongBase)
        #expect(try reason(press.table(6, good.merging(["worker/x": "{"]) { $1 })) == .badEntry)
        #expect(try reason(press.table(6, good.merging(["worker/x": try TablePress.worker("y").1]) { $1 })) == .badEntry)
        #expect(try reason(press.table(6, Dictionary(uniqueKeysWithValues: [try TablePress.worker("x", weight: -1)]))) == .badEntry)
        #expect(store.current?.version == 5 && store.current?.workers.count == 2)
        #expect(try reason(press.table(6, good.merging(["weather/x": "{}"]) { $1 })) == nil, "a kind of a later release has no effect")
    }

    @Test("losing most workers at once is held back until a second version or half a minute confirms it")
    func shrinking() throws {
        try store.apply(try press.table(1, try TablePress.workers(10)), now: 0)
        #expect(try reason(press.table(2, try TablePress.workers(4)), now: 100) == .shrunk)
        #expect(store.current?.workers.count == 10 && store.confirmationDue(now: 101) == 29)
        #expect(try store.confirm(now: 129) != .whole)
        #expect(try store.confirm(now: 130) == .whole)
        #expect(store.current?.workers.count == 4 && store.confirmationDue(now: 131) == nil)
        try store.apply(try press.table(3, try TablePress.workers(10)), now: 131)
        #expect(try reason(press.table(4, try TablePress.workers(4)), now: 132) == .shrunk)
        #expect(try reason(press.table(5, try TablePress.workers(3)), now: 133) == nil)
    }

    @Test("a start takes the kept table; a damaged one gives way to the one before it, a foreign one is refused")
    func disk() throws {
        try store.apply(try press.table(1, try TablePress.workers(1)), now: 0)
        try store.apply(try press.table(2, try TablePress.workers(2)), now: 0)
        let restarted = TableStore(directory: folder.path, key: press.key.verifyingKey)
        #expect(restarted.load().isEmpty && restarted.version == 2)
        var bytes = try folder.bytes("table.json")
        bytes[bytes.count / 2] ^= 4
        try folder.write(bytes, to: "table.json")
        let damaged = TableStore(directory: folder.path, key: press.key.verifyingKey)
        #expect(damaged.load().count == 1 && damaged.version == 1)
        try damaged.apply(try press.table(3, try TablePress.workers(3)), now: 0)
        let again = TableStore(directory: folder.path, key: press.key.verifyingKey)
        #expect(again.load().isEmpty && again.version == 3)
        let stranger = TableStore(directory: folder.path, key: try SigningKey().verifyingKey)
        #expect(stranger.load().map(\.reason) == [.wrongSignature, .wrongSignature] && stranger.current == nil)
    }
}
