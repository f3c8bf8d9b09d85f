import HeapModule

/// The steps of streams that are still to be sent, by time.
struct DueSteps {
    struct Step: Comparable {
        let time: Moment
        let descriptor: Int
        /// Which stream of the program: a descriptor may serve another connection by now.
        let stream: Int

        static func < (left: Step, right: Step) -> Bool {
            left.time < right.time
        }
    }

    private var heap = Heap<Step>()

    var next: Moment? { heap.min?.time }

    mutating func add(_ step: Step) {
        heap.insert(step)
    }

    /// The earliest step whose time has come.
    mutating func pop(at now: Moment) -> Step? {
        guard let next, next <= now else { return nil }
        return heap.popMin()
    }
}
