/// Tells which expressions of a program match anywhere in a text, in one pass over its bytes.
///
/// Sets of the program's instructions become states of a deterministic automaton when a text first needs them, so that most bytes cost one
/// look into a table. What is kept is bounded: when the table is full it is begun anew, and where that happens all the time the rest of the
/// text is simulated without a table. Either way the time is linear in the text.
///
/// Keep one for each event loop or lock: its table is used again.
struct PatternAutomaton {
    private struct State {
        /// Instructions to go on from, before those that take no byte are followed.
        var places: [Int32]
        var before: PatternContext
        /// Expressions that matched in front of the byte that led here.
        var matched: [Int32]
    }

    private static let unknown: Int32 = -1
    /// Times that the table may be begun anew in one text before it is given up.
    private static let restarts = 4

    private let program: PatternProgram
    private let cacheBytes: Int
    /// Classes of bytes and the end of the text.
    private let width: Int
    private var closure: PatternClosure
    private var table: [Int32] = []
    private var states: [State] = []
    private var hasMatches: [Bool] = []
    private var numbers: [[Int32]: Int32] = [:]
    private var usedBytes = 0
    private var looked = 0

    init(_ program: PatternProgram, cacheBytes: Int) {
        self.program = program
        self.cacheBytes = cacheBytes
        width = program.representatives.count + 1
        closure = PatternClosure(program)
        clear()
    }

    /// Work done since the start: bytes looked up and instructions visited.
    var steps: Int { looked + closure.steps }

    /// States that are kept now.
    var stateCount: Int { states.count }

    /// Calls `found` with each number that matches, several times if need be; it returns whether to go on.
    ///
    /// - Parameter from: Where to begin; what stands in front of it counts for assertions.
    mutating func scan(_ bytes: UnsafeRawBufferPointer, from: Int = 0, found: (Int) -> Bool) {
        var state = start(from > 0 ? PatternContext(bytes[from - 1]) : .edge)
        var restarts = 0
        for offset in from..<bytes.count {
            let byte = bytes[offset]
            let column = Int(program.classOfByte[Int(byte)])
            looked += 1
            var next = table[Int(state) * width + column]
            if next == Self.unknown {
                if usedBytes > cacheBytes {
                    restarts += 1
                    guard restarts <= Self.restarts else {
                        return simulate(UnsafeRawBufferPointer(rebasing: bytes[offset...]), from: states[Int(state)], found)
                    }
                    let kept = states[Int(state)]
                    clear()
                    state = number(of: kept)
                }
                next = step(state, byte)
                table[Int(state) * width + column] = next
            }
            state = next
            if hasMatches[Int(state)], !tell(states[Int(state)].matched, found) { return }
        }
        finish(states[Int(state)], found)
    }

    private mutating func start(_ before: PatternContext) -> Int32 {
        guard program.hasAssertions, before != .edge else { return 0 }
        return number(of: State(places: [], before: before, matched: []))
    }

    private func tell(_ matched: [Int32], _ found: (Int) -> Bool) -> Bool {
        for number in matched where !found(Int(number)) { return false }
        return true
    }

    private mutating func finish(_ state: State, _ found: (Int) -> Bool) {
        follow(state, after: .edge)
        _ = tell(closure.matched, found)
    }

    /// The slow way, without a table.
    private mutating func simulate(_ bytes: UnsafeRawBufferPointer, from start: State, _ found: (Int) -> Bool) {
        var state = start
        for byte in bytes {
            looked += 1
            state = successor(of: state, byte)
            guard tell(state.matched, found) else { return }
        }
        finish(state, found)
    }

    private mutating func step(_ state: Int32, _ byte: UInt8) -> Int32 {
        let next = successor(of: states[Int(state)], byte)
        return number(of: next)
    }

    private mutating func successor(of state: State, _ byte: UInt8) -> State {
        let context = program.hasAssertions ? PatternContext(byte) : .other
        follow(state, after: context)
        var places: [Int32] = []
        for place in closure.waiting {
            let instruction = program.instructions[Int(place)]
            if program.sets[Int(instruction.argument)].contains(byte) { places.append(instruction.next) }
        }
        places.sort()
        return State(places: places, before: context, matched: closure.matched.sorted())
    }

    private mutating func follow(_ state: State, after: PatternContext) {
        closure.begin()
        for place in state.places { closure.follow(place, state.before, after) }
        // A match may begin anywhere.
        closure.follow(program.start, state.before, after)
    }

    private mutating func number(of state: State) -> Int32 {
        let key = [state.before.rawValue, Int32(state.matched.count)] + state.matched + state.places
        if let known = numbers[key] { return known }
        let number = Int32(states.count)
        states.append(state)
        hasMatches.append(!state.matched.isEmpty)
        table.append(contentsOf: repeatElement(Self.unknown, count: width))
        numbers[key] = number
        usedBytes += 4 * width + 8 * key.count + 128
        return number
    }

    private mutating func clear() {
        table.removeAll()
        states.removeAll()
        hasMatches.removeAll()
        numbers.removeAll()
        usedBytes = 0
        _ = number(of: State(places: [], before: .edge, matched: []))
    }
}
