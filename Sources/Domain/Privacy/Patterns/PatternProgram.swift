/// Expressions as instructions of a non-deterministic automaton over bytes (Thompson 1968, as Cox describes it in "Regular Expression Matching
/// Can Be Simple And Fast"). One program holds a whole set; each expression ends in a match of its own number.
struct PatternProgram: Sendable {
    enum Operation: UInt8, Sendable {
        /// Goes on when the next byte is of the set `argument`.
        case bytes
        /// Goes on at `next` and, less gladly, at `argument`.
        case split
        /// Notes the place: start (0) or end (1) of the capturing group.
        case mark
        /// Goes on when the `PatternAssertion` holds.
        case assertion
        /// The expression with the number `argument` matches.
        case match
    }

    struct Instruction: Sendable {
        var operation: Operation
        var next: Int32
        var argument: Int32
    }

    private(set) var instructions: [Instruction] = []
    private(set) var sets: [ByteSet] = []
    private(set) var start: Int32 = -1
    private(set) var hasAssertions = false
    /// Bytes that no instruction tells apart have the same class.
    private(set) var classOfByte = [UInt8](repeating: 0, count: 256)
    /// One byte of each class.
    private(set) var representatives: [UInt8] = []

    /// - Throws: A fault with the place in the expression, or with place 0 when all together become too large.
    init(_ expressions: [(number: Int, node: PatternNode)], limits: PatternLimits) throws(PatternFault) {
        var compiler = PatternCompiler(limit: limits.instructions)
        var starts: [Int32] = []
        for (number, node) in expressions {
            let end = try compiler.emit(.match, next: -1, argument: Int32(number))
            starts.append(try compiler.compile(node, next: end))
        }
        for entry in starts.reversed() { start = start < 0 ? entry : try compiler.emit(.split, next: entry, argument: start) }
        instructions = compiler.instructions
        sets = compiler.sets
        hasAssertions = instructions.contains { $0.operation == .assertion }
        classify()
    }

    /// Splits the classes by each set in turn.
    private mutating func classify() {
        // Assertions tell newlines, letters and the rest apart too.
        let contexts: [(UInt8) -> Bool] = hasAssertions ? [{ PatternContext($0) == .word }, { PatternContext($0) == .newline }] : []
        for tells in sets.map({ set in { set.contains($0) } }) + contexts { split(by: tells) }
        var known: Set<UInt8> = []
        for byte in UInt8.min...UInt8.max where known.insert(classOfByte[Int(byte)]).inserted { representatives.append(byte) }
    }

    private mutating func split(by tells: (UInt8) -> Bool) {
        var numbers: [Int: UInt8] = [:]
        for byte in UInt8.min...UInt8.max {
            let key = Int(classOfByte[Int(byte)]) << 1 | (tells(byte) ? 1 : 0)
            let number = numbers[key] ?? UInt8(numbers.count)
            numbers[key] = number
            classOfByte[Int(byte)] = number
        }
    }
}

/// Builds instructions from the end to the start, so that each one knows what follows it.
struct PatternCompiler {
    private(set) var instructions: [PatternProgram.Instruction] = []
    private(set) var sets: [ByteSet] = []
    private var setNumbers: [ByteSet: Int32] = [:]
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    mutating func emit(_ operation: PatternProgram.Operation, next: Int32, argument: Int32) throws(PatternFault) -> Int32 {
        guard instructions.count < limit else { throw PatternFault("too large: more than \(limit) steps", at: 0) }
        instructions.append(PatternProgram.Instruction(operation: operation, next: next, argument: argument))
        return Int32(instructions.count - 1)
    }

    /// Where `node` followed by `next` begins.
    mutating func compile(_ node: PatternNode, next: Int32) throws(PatternFault) -> Int32 {
        switch node {
        case .empty: return next
        case .scalars(let set): return try compile(set, next: next)
        case .assertion(let assertion): return try emit(.assertion, next: next, argument: assertion.rawValue)
        case .sequence(let parts):
            var start = next
            for part in parts.reversed() { start = try compile(part, next: start) }
            return start
        case .choice(let branches): return try compile(branches, next: next)
        case .capture(let inner):
            let end = try emit(.mark, next: next, argument: 1)
            return try emit(.mark, next: try compile(inner, next: end), argument: 0)
        case .repetition(let inner, let least, let most, let isLazy):
            return try compile(inner, least, most, isLazy, next: next)
        }
    }

    private mutating func compile(_ branches: [PatternNode], next: Int32) throws(PatternFault) -> Int32 {
        var start: Int32 = -1
        for branch in branches.reversed() {
            let entry = try compile(branch, next: next)
            start = start < 0 ? entry : try emit(.split, next: entry, argument: start)
        }
        return start
    }

    private mutating func compile(_ inner: PatternNode, _ least: Int, _ most: Int?, _ isLazy: Bool, next: Int32) throws(PatternFault) -> Int32 {
        var start = next
        var copies = least
        if let most {
            for _ in least..<most {
                let body = try compile(inner, next: start)
                start = isLazy ? try emit(.split, next: next, argument: body) : try emit(.split, next: body, argument: next)
            }
        } else {
            let loop = try emit(.split, next: next, argument: next)
            let body = try compile(inner, next: loop)
            if isLazy { instructions[Int(loop)].argument = body } else { instructions[Int(loop)].next = body }
            start = least > 0 ? body : loop
            copies = max(0, least - 1)
        }
        for _ in 0..<copies { start = try compile(inner, next: start) }
        return start
    }

    // MARK: Characters as bytes

    private mutating func compile(_ set: ScalarSet, next: Int32) throws(PatternFault) -> Int32 {
        var single = ByteSet()
        var isSingle = false
        var tails: [UTF8Tail: Int32] = [:]
        var entries: [Int32] = []
        for range in set.ranges {
            for sequence in UTF8Ranges.split(range) {
                guard sequence.count > 1 else {
                    for byte in sequence[0] { single.insert(byte) }
                    isSingle = true
                    continue
                }
                var place = next
                for bytes in sequence.dropFirst().reversed() { place = try tail(bytes, place, &tails) }
                entries.append(try tail(sequence[0], place, &tails))
            }
        }
        if isSingle || entries.isEmpty { entries.append(try emit(.bytes, next: next, argument: number(of: single))) }
        var start: Int32 = -1
        for entry in Set(entries).sorted() { start = start < 0 ? entry : try emit(.split, next: entry, argument: start) }
        return start
    }

    private struct UTF8Tail: Hashable {
        var bytes: ClosedRange<UInt8>
        var next: Int32
    }

    /// Sequences of bytes that end alike share their ends.
    private mutating func tail(_ bytes: ClosedRange<UInt8>, _ next: Int32, _ known: inout [UTF8Tail: Int32]) throws(PatternFault) -> Int32 {
        let key = UTF8Tail(bytes: bytes, next: next)
        if let place = known[key] { return place }
        let place = try emit(.bytes, next: next, argument: number(of: ByteSet(bytes)))
        known[key] = place
        return place
    }

    private mutating func number(of set: ByteSet) -> Int32 {
        if let known = setNumbers[set] { return known }
        let number = Int32(sets.count)
        sets.append(set)
        setNumbers[set] = number
        return number
    }
}

/// Ranges of scalars as sequences of byte ranges in UTF-8 (the table of Unicode 15, section 3.9).
enum UTF8Ranges {
    private static let plain: [(ClosedRange<UInt32>, Int)] = [
        (0...0x7F, 1), (0x80...0x7FF, 2), (0x800...0xD7FF, 3), (0xE000...0xFFFF, 3), (0x10000...0x10FFFF, 4),
    ]

    static func split(_ range: ClosedRange<UInt32>) -> [[ClosedRange<UInt8>]] {
        plain.flatMap { bounds, length -> [[ClosedRange<UInt8>]] in
            guard range.overlaps(bounds) else { return [] }
            return sequences(range.clamped(to: bounds), length)
        }
    }

    /// Cut where a leading byte would not be followed by all of its tails.
    private static func sequences(_ range: ClosedRange<UInt32>, _ length: Int) -> [[ClosedRange<UInt8>]] {
        for level in 1..<max(length, 1) {
            let low = (UInt32(1) << UInt32(6 * level)) - 1
            guard range.lowerBound & ~low != range.upperBound & ~low else { continue }
            if range.lowerBound & low != 0 {
                let cut = range.lowerBound | low
                return sequences(range.lowerBound...cut, length) + sequences(cut + 1...range.upperBound, length)
            }
            if range.upperBound & low != low {
                let cut = range.upperBound & ~low
                return sequences(range.lowerBound...cut - 1, length) + sequences(cut...range.upperBound, length)
            }
        }
        return [zip(bytes(range.lowerBound, length), bytes(range.upperBound, length)).map { $0...$1 }]
    }

    private static func bytes(_ value: UInt32, _ length: Int) -> [UInt8] {
        guard length > 1 else { return [UInt8(value)] }
        let lead: [UInt8] = [0, 0, 0xC0, 0xE0, 0xF0]
        return (0..<length).map { place in
            let bits = value >> UInt32(6 * (length - 1 - place))
            return place == 0 ? lead[length] | UInt8(bits) : 0x80 | UInt8(bits & 0x3F)
        }
    }
}
