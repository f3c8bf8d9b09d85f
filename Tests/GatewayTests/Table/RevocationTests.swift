import Cryptography
import PlimsollWire
import Synchronization
import Testing

@testable import Gateway

@Suite("Revocations of a table whose fleet is held back")
struct RevocationTests {
    let press: TablePress
    let folder: ScratchFolder
    let store: TableStore
    private let host = "spiffe://plimsoll.internal/agent/6f1f6ad2-3b0f-4a43-9c57-6c1b1d8f0a11"

    init() throws {
        press = try TablePress()
        folder = try ScratchFolder()
        store = TableStore(directory: folder.path, key: press.key.verifyingKey)
    }

    private func entry(_ kind: String, _ id: String, _ value: some Encodable) throws -> [String: String] {
        ["\(kind)/\(id)": String(decoding: try WireCoder.encode(value), as: UTF8.self)]
    }

    private func tenancy(keys: [String], isActive: Bool = true) throws -> [String: String] {
        let tenant = TenantEntry(id: "t", tier: "pro", active: isActive, allowedRegions: [], cacheSalt: "5a17")
        return try keys.reduce(into: try entry("tenant", "t", tenant)) { all, key in
            let entry = try entry("key", key, KeyEntry(id: key, tenant: "t", sha256Hex: Hash.sha256(key).hex))
            all.merge(entry) { $1 }
        }
    }

    @Test("without a worker left, keys that are gone, inactive tenants and denied hosts are in force; workers and models stay")
    func lastWorker() throws {
        let model = try entry(
            "model", "m", ModelEntry(name: "m", contextTokens: 10, createdAtSeconds: 1, tiers: [], releaseWeights: [:]))
        let fleet = try TablePress.workers(1).merging(model) { $1 }
        try store.apply(try press.table(1, fleet.merging(try tenancy(keys: ["a", "b"])) { $1 }), now: 0)
        let denied = try entry("denied", host, DeniedEntry(identity: host, untilSeconds: 2_000_000_000))
        let next = try press.table(2, denied.merging(try tenancy(keys: ["b"], isActive: false)) { $1 })
        guard case .fleetHeld(let refusal) = try store.apply(next, now: 1) else {
            Issue.record("the fleet was believed")
            return
        }
        #expect(refusal.reason == .noWorkers)
        let current = try #require(store.current)
        #expect(current.keys.values.map(\.id) == ["b"] && current.tenants["t"]?.active == false)
        #expect(current.denied.map(\.identity) == [host])
        #expect(current.workers.count == 1 && current.models["m"] != nil)
        #expect(store.version == 2 && store.confirmationDue(now: 1) == nil)
    }

    @Test("a fleet that shrank is held back, the key that went with it is not; both survive a restart")
    func restart() throws {
        try store.apply(try press.table(1, try TablePress.workers(10).merging(try tenancy(keys: ["a", "b"])) { $1 }), now: 0)
        try store.apply(try press.table(2, try TablePress.workers(2).merging(try tenancy(keys: ["b"])) { $1 }), now: 1)
        let restarted = TableStore(directory: folder.path, key: press.key.verifyingKey)
        #expect(restarted.load().isEmpty)
        for store in [store, restarted] {
            #expect(store.version == 2 && store.current?.workers.count == 10)
            #expect(store.current?.keys.values.map(\.id) == ["b"])
        }
        try restarted.apply(try press.table(3, try TablePress.workers(9)), now: 2)
        let again = TableStore(directory: folder.path, key: press.key.verifyingKey)
        #expect(again.load().isEmpty && again.current?.workers.count == 9 && again.current?.keys.isEmpty == true)
    }

    @Test("the first table of an installation has no worker, and its keys are known")
    func first() throws {
        #expect(try store.apply(try press.table(1, try tenancy(keys: ["a"])), now: 0) == .whole)
        #expect(store.current?.keys.count == 1)
        #expect(try store.apply(try press.table(2, try TablePress.workers(1)), now: 0) == .whole)
    }
}
