import Testing

@testable import Domain

@Suite struct CanaryRuleTests {
    private func subject(_ name: String, _ weight: Int64, seconds: Int64 = 0, bad: Int64 = 0) -> CanaryRule.Subject {
        CanaryRule.Subject(group: "tiny", name: name, weight: weight, seconds: seconds, badMinutes: bad)
    }

    private func unproven(_ before: [CanaryRule.Subject], _ after: [CanaryRule.Subject]) -> [String] {
        CanaryRule.unproven(before: before, after: after).map(\.name)
    }

    @Test func aReleaseStepsThroughAShareOfAtMostATenth() {
        let old = subject("old", 900_000)
        #expect(unproven([old, subject("new", 0)], [old, subject("new", 100_000)]) == [])
        #expect(unproven([old, subject("new", 0)], [old, subject("new", 100_001)]) == ["new"])
        #expect(unproven([old, subject("new", 50_000, seconds: 1_799)], [old, subject("new", 900_000)]) == ["new"])
        #expect(unproven([old, subject("new", 50_000, seconds: 1_800)], [old, subject("new", 900_000)]) == [])
        #expect(unproven([old, subject("new", 50_000, seconds: 9_000, bad: 1)], [old, subject("new", 900_000)]) == ["new"])
        #expect(unproven([old], [subject("new", 1_000_000)]) == ["new"], "one that was not there")
    }

    @Test func whoLeavesDoesNotMakeACanaryServeAlone() {
        let canary = subject("new", 10_000, seconds: 60)
        #expect(unproven([subject("old", 990_000), canary], [canary]) == ["new"])
        #expect(unproven([subject("old", 990_000), canary], [subject("old", 0), canary]) == ["new"])
        #expect(unproven([subject("old", 500_000), subject("older", 490_000), canary], [subject("old", 500_000), canary]) == [])
        #expect(unproven([], [subject("first", 1_000_000)]) == [] && unproven([subject("off", 0)], [subject("first", 1)]) == [])
    }

    @Test func nothingThatIsLetPassBringsAnythingFromNothingAboveATenth() {
        var random = SeededRandom(seed: 3)
        for _ in 0..<3_000 {
            let weights = (0..<4).map { _ -> Int64 in [0, 0, 1, 20_000, 100_000, 1_000_000].randomElement(using: &random) ?? 0 }
            let before = weights.enumerated().map { subject("\($0)", $1, seconds: Int64.random(in: 0...4_000, using: &random)) }
            let after = before.map { subject($0.name, Bool.random(using: &random) ? $0.weight : Int64.random(in: 0...1_000_000, using: &random)) }
            let refused = unproven(before, after)
            let (was, will) = (before.reduce(0) { $0 + $1.weight }, after.reduce(0) { $0 + $1.weight })
            for (old, new) in zip(before, after) where was > 0 && will > 0 {
                let isLarge = new.weight * 10 > will
                let isProven = old.weight * 10 > was || old.weight > 0 && old.seconds >= 1_800
                #expect(refused.contains(new.name) == (isLarge && !isProven))
            }
        }
    }
}
