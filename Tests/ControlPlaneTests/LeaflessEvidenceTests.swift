import Cryptography
import Domain
import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// Traffic that is first told when its minutes are closed, through a gateway that was cut off.
@Suite struct LeaflessEvidenceTests {
    private func corrections(_ evidence: EvidenceWorld) async throws -> [MinuteLeaf] {
        try await LateEvidence.corrections(evidence.tenant, EvidenceWorld.month) { try await evidence.world.pool.query($0) }.map(\.leaf)
    }

    @Test func `a minute of a place without leaves gets a correction, and leaves begin where the tree goes on`() async throws {
        try await EvidenceWorld.with { evidence in
            let start = EvidenceWorld.start
            try await evidence.begin()
            try await evidence.turn(at: start + 45, closed: start + 30)
            let before = try #require(try await evidence.trees().last)
            for (good, turn) in [(3, 46), (3, 47), (5, 48)] as [(Int64, Int64)] {
                try await evidence.traffic(start + 10, good: good, bad: 2, model: "other")
                try await evidence.turn(at: start + turn, closed: start + 30)
            }
            let found = try await corrections(evidence)
            #expect(found.map(\.minute) == [start + 10, start + 10] && found.map(\.good) == [3, 5] && found.allSatisfy { $0.bad == 2 })
            #expect(try #require(try await evidence.trees().last).frontier == before.frontier, "a tree only grows at its end")
            #expect(try await evidence.world.count("SELECT 1 FROM reliability.evidence_late") == 0)
            #expect(try await evidence.world.count("SELECT 1 FROM reliability.evidence_series WHERE model = 'other'") == 1)
            try await evidence.turn(at: start + 55, closed: start + 40)
            let tree = try #require(try await evidence.trees().last)
            #expect(tree.frontier.count == before.frontier.count + 20, "ten minutes of both")
            let stretches = try await TenantLeaves.read(tree, evidence.world.pool)
            #expect(stretches.filter { $0.series.model == "other" }.map(\.since) == [start + 30])
            #expect(EvidenceWalk.frontier(stretches) == tree.frontier)
        }
    }

    @Test func `a month with such a minute is verified, and its report shows it`() async throws {
        try await EvidenceWorld.with { evidence in
            let month = EvidenceWorld.month.minutes
            try await evidence.probes((month.lowerBound - 20)..<(month.upperBound + 60))
            try await evidence.begin()
            try await evidence.turn(at: month.lowerBound + 45, closed: month.lowerBound + 30)
            try await evidence.traffic(month.lowerBound + 10, good: 3, bad: 2, model: "other")
            try await evidence.turn(at: month.upperBound + 30, closed: month.upperBound + 15)
            // Of a month that is over.
            try await evidence.traffic(month.lowerBound + 20, good: 7, model: "third")
            try await evidence.turn(at: month.upperBound + 90, closed: month.upperBound + 75)
            let june = try #require(try await evidence.trees().first { $0.month == EvidenceWorld.month })
            let bundle = try await BundleMaker(databases: evidence.databases, signer: evidence.signer).make(june)
            let found = BundleVerification(Array(bundle.utf8), key: evidence.signer.noteKey)
            let late = found.steps.filter { $0.title == "late" }.map(\.finding)
            #expect(found.holds, "\(found.steps.filter { !$0.holds })")
            #expect(late.contains { $0.hasPrefix("other in eu: 1 minute without a leaf") && $0.contains("3 good and 2 bad") }, "\(late)")
            #expect(late.contains { $0.hasPrefix("third in eu: 1 minute without a leaf") }, "\(late)")
            let report = try await TenantReport.of(evidence.tenant, EvidenceWorld.month, evidence.databases)
            for model in ["other", "third", "tiny"] { #expect(report.contains("{\"model\":\"\(model)\",\"region\":\"eu\""), "\(model)") }
        }
    }

    @Test func `what is told late of somebody who has no tree at all is where the tree begins`() async throws {
        try await EvidenceWorld.with { evidence in
            let (start, closed) = (EvidenceWorld.start, EvidenceWorld.start + 5 * 1_440)
            try await evidence.world.pool.execute("UPDATE serving.skus SET state = 'retired'")
            try await evidence.turn(at: closed + 15, closed: closed)
            #expect(try await evidence.trees().isEmpty)
            try await evidence.traffic(start + 10, good: 3, bad: 2, model: "other")
            for minute in [16, 17] as [Int64] { try await evidence.turn(at: closed + minute, closed: closed) }
            let tree = try #require(try await evidence.trees().first)
            #expect(tree.month == EvidenceWorld.month && tree.next == closed && tree.frontier.count == 5 * 1_440 - 10)
            let stretch = try #require(try await TenantLeaves.read(tree, evidence.world.pool).first)
            #expect(stretch.series.model == "other" && stretch.since == start + 10)
            #expect(stretch.runs.counts(at: 0)?.good == 3 && stretch.runs.counts(at: 0)?.bad == 2)
            #expect(try await corrections(evidence).isEmpty)
            #expect(try await evidence.world.count("SELECT 1 FROM reliability.evidence_late") == 0)
        }
    }

    @Test func `what is told of a month that the trees have passed over is corrected in a tree without leaves, which is verified`() async throws {
        try await EvidenceWorld.with { evidence in
            let (start, april) = (EvidenceWorld.start, BillingPeriod(year: 2026, month: 4))
            try await evidence.partitions(around: april)
            try await evidence.begin()
            try await evidence.turn(at: start + 45, closed: start + 30)
            #expect(try await evidence.trees().map(\.month.description) == ["2026-05", "2026-06"])
            try await evidence.traffic(april.minutes.lowerBound + 7, good: 4, bad: 1, model: "other")
            for turn in [46, 47, 110] as [Int64] { try await evidence.turn(at: start + turn, closed: start + 30) }
            #expect(try await evidence.world.count("SELECT 1 FROM reliability.evidence_late") == 0)
            let tree = try #require(try await evidence.trees().first { $0.month == april })
            #expect(tree.isComplete && tree.frontier.count == 0)
            let told = try await LateEvidence.corrections(evidence.tenant, april) { try await evidence.world.pool.query($0) }.map(\.leaf)
            #expect(told.map(\.minute) == [april.minutes.lowerBound + 7] && told.map(\.good) == [4] && told.map(\.bad) == [1])
            let found = try await evidence.verify(april)
            #expect(found.holds, "\(found.steps)")
            #expect(found.steps.contains { $0.title == "late" && $0.finding.contains("4 good and 1 bad") }, "\(found.steps)")
        }
    }
}
