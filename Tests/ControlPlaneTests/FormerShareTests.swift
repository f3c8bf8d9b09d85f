import FoundationEssentials
import PlimsollWire
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// What gateways and mitigations know of releases that have no share any more.
@Suite struct FormerShareTests {
    private func former(_ admin: AdminFixture) async throws -> [String: Int] {
        let facts = try await admin.database.withPool { pool in
            try await pool.transaction { try await TableFacts.read($0, trustDomain: "test") }
        }
        let text = try #require(try facts.entries()["model/tiny"])
        return try WireCoder.decode(ModelEntry.self, from: text.utf8).formerShares?.mapValues(\.weightPpm) ?? [:]
    }

    private func weigh(_ admin: AdminFixture, _ release: String, _ weight: Int) async throws {
        let body = #"{"scope": "release", "subject": "\#(release)", "weight_ppm": \#(weight), "reason": "a step"}"#
        let answer = try await admin.post("routing-weights", body)
        #expect(answer.status == 201, "\(answer.text)")
    }

    @Test func `a release that served has the share that it lost, one that was only staged has none, nor one that was replaced`() async throws {
        try await AdminFixture.run { admin in
            for statement in AdminFixture.tinyModel { _ = try await admin.row(statement) }
            for name in ["tiny-2", "tiny-3"] {
                #expect(try await admin.post("releases", #"{"name": "\#(name)", "model": "tiny"}"#).status == 201)
            }
            #expect(try await former(admin).isEmpty, "tiny-1 serves, the others are staged")
            try await weigh(admin, "tiny-1", 400_000)
            try await weigh(admin, "tiny-2", 600_000)
            try await weigh(admin, "tiny-1", 0)
            try await weigh(admin, "tiny-1", 0)
            #expect(try await former(admin) == ["tiny-1": 400_000])
            try await weigh(admin, "tiny-2", 0)
            #expect(try await former(admin) == ["tiny-1": 400_000, "tiny-2": 600_000])
            try await weigh(admin, "tiny-1", 1_000_000)
            #expect(try await former(admin) == ["tiny-2": 600_000], "who has a share has lost none")
            let digest = "sha256:" + String(repeating: "0", count: 64)
            #expect(try await admin.patch("releases/tiny-2", #"{"image_digest": "\#(digest)"}"#).status == 200)
            #expect(try await former(admin).isEmpty, "nobody knows the new bytes")
        }
    }

    @Test func `a release that is made anew after it was deleted has served nothing`() async throws {
        try await AdminFixture.run { admin in
            for statement in AdminFixture.tinyModel { _ = try await admin.row(statement) }
            let staged = #"{"name": "tiny-2", "model": "tiny"}"#
            #expect(try await admin.post("releases", staged).status == 201)
            try await weigh(admin, "tiny-2", 500_000)
            try await weigh(admin, "tiny-2", 0)
            #expect(try await former(admin) == ["tiny-2": 500_000])
            let removed = try await admin.delete("releases/tiny-2")
            #expect(removed.status < 300, "\(removed.text)")
            #expect(try await admin.post("releases", staged).status == 201)
            #expect(try await former(admin).isEmpty)
        }
    }
}
