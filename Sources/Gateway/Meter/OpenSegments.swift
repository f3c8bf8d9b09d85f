/// In which segments of one series the requests were admitted that are not over: behind them recovery need not look.
///
/// Sequences of one series only rise, so the segment of an admission is found by its sequence.
struct OpenSegments {
    private struct Segment {
        let number: Int
        /// No admission in it has a smaller sequence.
        let first: Int64
        var open = 0
    }

    private var segments: [Segment] = []
    private var newest: Int64 = 0

    /// A new segment takes what is admitted from now on.
    mutating func begin(_ number: Int) {
        segments.removeAll { $0.open == 0 }
        segments.append(Segment(number: number, first: newest + 1))
    }

    mutating func admitted(_ sequence: Int64) {
        newest = max(newest, sequence)
        guard let last = segments.indices.last else { return }
        segments[last].open += 1
    }

    mutating func ended(_ sequence: Int64) {
        guard let place = segments.lastIndex(where: { $0.first <= sequence }), segments[place].open > 0 else { return }
        segments[place].open -= 1
    }

    var isEmpty: Bool { segments.allSatisfy { $0.open == 0 } }

    /// Number of the oldest segment with an open request, or of the present one.
    var oldest: Int { (segments.first { $0.open > 0 } ?? segments.last)?.number ?? 0 }
}
