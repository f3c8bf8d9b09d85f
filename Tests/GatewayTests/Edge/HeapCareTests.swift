import Gateway
import Testing

@Suite("Care for free memory")
struct HeapCareTests {
    private static let mega = 1 << 20

    /// Which of these readings, in mebibytes, made a search due; each that did is followed by one.
    private func searches(_ readings: [Int]) -> [Bool] {
        var care = HeapCare()
        return readings.map { reading in
            let isDue = care.isDue(free: reading * HeapCareTests.mega)
            if isDue { care.trimmed(free: reading * HeapCareTests.mega) }
            return isDue
        }
    }

    @Test("a heap is searched twice for what a burst left, the second time when it has settled, and again after the next burst")
    func twice() {
        #expect(searches([40, 40, 41, 5, 40, 40, 41]) == [true, true, false, false, true, true, false])
    }

    @Test("little is left alone")
    func little() {
        #expect(searches([1, 1, 0, 1]) == [false, false, false, false])
    }
}
