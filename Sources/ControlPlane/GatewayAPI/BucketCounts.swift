/// Counts by the index of a bucket, in the order of the indices. What is told of a subject comes in this order as well and has much the same buckets from
/// each gateway, so that one walk over both adds it, which a dictionary takes several times as long for.
struct BucketCounts: Equatable, Sendable, Sequence, ExpressibleByDictionaryLiteral {
    private var indices: [Int] = []
    private var counts: [Int64] = []

    init() {}

    init(_ counts: [Int: Int64]) {
        let sorted = counts.sorted { $0.key < $1.key }
        (indices, self.counts) = (sorted.map(\.key), sorted.map(\.value))
    }

    init(dictionaryLiteral counts: (Int, Int64)...) { self.init(Dictionary(counts) { $0 &+ $1 }) }

    var isEmpty: Bool { indices.isEmpty }
    var count: Int { indices.count }
    var byIndex: [Int: Int64] { Dictionary(uniqueKeysWithValues: zip(indices, counts)) }

    func makeIterator() -> Zip2Sequence<[Int], [Int64]>.Iterator { zip(indices, counts).makeIterator() }

    /// - Parameter place: Where the walk is, which begins at 0. An index that is not above the one before begins it anew.
    mutating func add(_ index: Int, _ count: Int64, at place: inout Int) {
        if place > 0, indices[place - 1] >= index { place = 0 }
        while place < indices.count, indices[place] < index { place += 1 }
        if place < indices.count, indices[place] == index {
            counts[place] &+= count
        } else {
            indices.insert(index, at: place)
            counts.insert(count, at: place)
        }
        place += 1
    }

    /// Takes away what was counted no time.
    mutating func dropNothing() {
        guard counts.contains(0) else { return }
        self = BucketCounts(byIndex.filter { $0.value != 0 })
    }
}
