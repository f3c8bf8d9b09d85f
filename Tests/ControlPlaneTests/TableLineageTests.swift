import Cryptography
import FoundationEssentials
import PlimsollWire
import Postgres
import Testing

@testable import ControlPlane

/// A database that was restored from a backup knows less than the gateways do.
@Suite struct TableLineageTests {
    private func table(_ world: PeerWorld) async throws -> PublishedTable {
        var table = PublishedTable()
        try await table.refresh { try await world.pool.query($0) }
        return table
    }

    @Test func theNextVersionIsAboveWhatGatewaysHoldAlthoughNothingChanged() async throws {
        try await PeerWorld.with { world in
            _ = try await world.enrol(.gateway)
            let publisher = world.publisher()
            #expect(try await publisher.publishNow() == 1)
            try await world.pool.execute("UPDATE serving.gateways SET table_version = 100")
            #expect(try await publisher.publishNow() == 101)
            #expect(try await publisher.publishNow() == nil)
            let restored = try await table(world)
            // What the gateway holds is of another table: a difference would not fit it.
            #expect(restored.answer(since: 100)?.since == nil)
            #expect(restored.answer(since: 100)?.entries.isEmpty == false)
            #expect(restored.answer(since: 101) == nil)
            try await world.pool.execute("UPDATE serving.tiers SET requests_per_minute = 7")
            #expect(try await publisher.publishNow() == 102)
            #expect(try await table(world).answer(since: 101)?.since == 101)
        }
    }

    @Test func aVersionThatCannotBeIsNotFollowed() async throws {
        try await PeerWorld.with { world in
            _ = try await world.enrol(.gateway)
            let publisher = world.publisher()
            #expect(try await publisher.publishNow() == 1)
            try await world.pool.execute("UPDATE serving.gateways SET table_version = 1000002")
            #expect(try await publisher.publishNow() == nil)
        }
    }

    @Test func aCopyThatWasOvertakenByARestoredTableIsReadAnew() async throws {
        try await PeerWorld.with { world in
            _ = try await world.publisher().publishNow()
            var copy = try await table(world)
            // The lost part of the database had an entry that the restored one never heard of.
            copy.entries["tier/lost"] = PublishedTable.Entry(value: "{}", version: 1)
            try await world.pool.execute("UPDATE serving.tiers SET priority = 7, requests_per_minute = 5")
            try await world.pool.execute("UPDATE serving.leases SET expires_at = now() - interval '1 second'")
            #expect(try await world.publisher().publishNow() == 2)
            try await copy.refresh { try await world.pool.query($0) }
            #expect(copy.version == 2)
            #expect(copy.entries["tier/lost"] == nil)
            #expect(TableDigest.digest(copy.current).hex == copy.digestHex)
        }
    }

    @Test func aCopyGoesBackWithItsDatabase() async throws {
        try await PeerWorld.with { world in
            _ = try await world.publisher().publishNow()
            var copy = try await table(world)
            copy.version = 50
            copy.entries["tier/lost"] = PublishedTable.Entry(value: "{}", version: 50)
            try await copy.refresh { try await world.pool.query($0) }
            #expect(copy.version == 1)
            #expect(Set(copy.current.keys) == ["tier/pro", "model/tiny"])
        }
    }
}
