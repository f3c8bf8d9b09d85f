import Domain
import Testing

@Suite("Who is worse than the others")
struct FaultComparisonTests {
    private func verdict(_ suspect: (Int64, Int64), _ rest: (Int64, Int64), late: (Int64, Int64) = (0, 0), _ others: (Int64, Int64) = (0, 0))
        -> FaultComparison.Verdict
    {
        func share(_ pair: (Int64, Int64)) -> FaultComparison.Share { FaultComparison.Share(bad: pair.0, total: pair.1) }
        return FaultComparison(
            FaultComparison.Tally(failures: share(suspect), late: share(late)),
            against: FaultComparison.Tally(failures: share(rest), late: share(others))
        ).verdict
    }

    @Test("enough answers, twice the share and hardly chance: in failures or in first tokens")
    func verdicts() {
        #expect(verdict((10, 30), (2, 200)) == .worse)
        #expect(verdict((29, 29), (0, 1_000)) == .unknown && verdict((30, 30), (0, 29)) == .unknown)
        #expect(verdict((4, 40), (0, 4_000)) == .alike, "four may be chance")
        #expect(verdict((150, 1_000), (100, 1_000)) == .alike, "worse beyond doubt, but not by much")
        #expect(verdict((5, 40), (5, 100)) == .alike, "twice as bad, which is chance")
        #expect(verdict((50, 400), (50, 1_000)) == .worse, "the same of ten times as many is not")
        #expect(verdict((1, 100), (50, 100)) == .alike)
        #expect(verdict((0, 100), (0, 100), late: (60, 100), (3, 100)) == .worse)
        #expect(verdict((0, 10), (0, 10), late: (60, 100), (3, 100)) == .worse, "answers that began may still run")
        #expect(verdict((0, 10), (0, 100), late: (3, 100), (3, 100)) == .unknown)
        #expect(verdict((100, 100), (100, 100)) == .alike && verdict((0, 100), (0, 100)) == .alike)
        #expect(verdict((.max / 8, .max / 4), (1, .max / 4)) == .worse, "no overflow")
    }

    /// z is 3 between these two: by the formula with fractions 2.97 and 3.03.
    @Test("the bound is that of z = 3")
    func bound() {
        #expect(verdict((18, 100), (5, 100)) == .alike)
        #expect(verdict((19, 100), (5, 100)) == .worse)
    }

    @Test("two releases or workers that are alike are hardly ever taken for different", arguments: [1, 5, 20] as [Int64])
    func falseAlarms(percent: Int64) {
        var random = SeededRandom(seed: UInt64(percent))
        func draw(_ count: Int64) -> (Int64, Int64) { (Int64((0..<count).count { _ in Int64.random(in: 0..<100, using: &random) < percent }), count) }
        let alarms = (0..<2_000).count { _ in verdict(draw(100), draw(400)) == .worse }
        #expect(alarms <= 20, "\(alarms) of 2000")
    }

    private func verdict(_ places: [(suspect: (Int64, Int64), rest: (Int64, Int64))]) -> FaultComparison.Verdict {
        func tally(_ pair: (Int64, Int64)) -> FaultComparison.Tally {
            FaultComparison.Tally(failures: FaultComparison.Share(bad: pair.0, total: pair.1))
        }
        return FaultComparison(places.map { FaultComparison.Place(tally($0.suspect), against: tally($0.rest)) }).verdict
    }

    @Test("who answers most where everybody fails is not worse for that")
    func places() {
        #expect(verdict([((24, 60), (40, 100)), ((0, 0), (0, 3_000))]) == .alike)
        #expect(verdict([((20, 50), (80, 200)), ((0, 10), (5, 5_000))]) == .alike)
        #expect(verdict([((24, 60), (2, 100)), ((0, 0), (900, 3_000))]) == .worse, "and not better where others fail elsewhere")
        #expect(verdict(Array(repeating: ((8, 15), (1, 200)), count: 3)) == .worse, "little of each place is enough together")
        #expect(verdict([((20, 60), (0, 0)), ((0, 0), (0, 3_000))]) == .unknown, "nobody answers beside it")
    }

    @Test("a place in trouble makes no false alarms, however answers are spread", arguments: [1, 2, 3] as [UInt64])
    func falseAlarmsOfPlaces(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        func draw(_ count: Int64, _ percent: Int64) -> (Int64, Int64) {
            (Int64((0..<count).count { _ in Int64.random(in: 0..<100, using: &random) < percent }), count)
        }
        let alarms = (0..<1_000).count { _ in
            verdict([(draw(80, 30), draw(100, 30)), (draw(20, 1), draw(400, 1))]) == .worse
        }
        #expect(alarms <= 10, "\(alarms) of 1000")
    }
}
