/// Where an expression matched.
package struct PatternMatch: Equatable, Sendable {
    /// Offsets into the text.
    package var whole: Range<Int>
    /// What the first outermost group that took part in it held.
    package var captured: Range<Int>?
}

/// Finds where one expression matches: the leftmost place, and of several matches there the one that the expression prefers. All possible
/// matches are followed side by side (Pike 1987), so the time is the text's length times the program's at the very most.
struct PatternSearch {
    private struct Path {
        var place: Int32
        var start: Int
        var captureStart = -1
        var captureEnd = -1
    }

    private let program: PatternProgram
    private var visited: [UInt32]
    private var round: UInt32 = 0
    private var current: [Path] = []
    private var following: [Path] = []
    private var stack: [Path] = []

    init(_ program: PatternProgram) {
        self.program = program
        visited = [UInt32](repeating: 0, count: program.instructions.count)
    }

    /// The first match that begins at `from` or later. What stands in front of `from` counts for assertions.
    mutating func first(_ bytes: UnsafeRawBufferPointer, from: Int = 0) -> PatternMatch? {
        var best: PatternMatch?
        current.removeAll(keepingCapacity: true)
        var before = from > 0 ? PatternContext(bytes[from - 1]) : .edge
        for at in from...bytes.count {
            let after = at < bytes.count ? PatternContext(bytes[at]) : .edge
            let entries = current
            beginRound()
            current.removeAll(keepingCapacity: true)
            for path in entries { follow(path, at, before, after) }
            if best == nil { follow(Path(place: program.start, start: at), at, before, after) }
            if let match = advance(at < bytes.count ? bytes[at] : nil, at) { best = match }
            swap(&current, &following)
            guard !current.isEmpty || best == nil else { break }
            before = after
        }
        return best
    }

    private mutating func beginRound() {
        round &+= 1
        guard round == 0 else { return }
        for place in visited.indices { visited[place] = 0 }
        round = 1
    }

    /// Takes the byte along every path, in order of preference; those behind a match are given up.
    private mutating func advance(_ byte: UInt8?, _ at: Int) -> PatternMatch? {
        following.removeAll(keepingCapacity: true)
        for path in current {
            let instruction = program.instructions[Int(path.place)]
            if instruction.operation == .match {
                let captured = path.captureEnd >= 0 ? path.captureStart..<path.captureEnd : nil
                return PatternMatch(whole: path.start..<at, captured: captured)
            }
            guard let byte, program.sets[Int(instruction.argument)].contains(byte) else { continue }
            var next = path
            next.place = instruction.next
            following.append(next)
        }
        return nil
    }

    private mutating func follow(_ start: Path, _ at: Int, _ before: PatternContext, _ after: PatternContext) {
        guard start.place >= 0 else { return }
        stack.append(start)
        while var path = stack.popLast() {
            guard visited[Int(path.place)] != round else { continue }
            visited[Int(path.place)] = round
            let instruction = program.instructions[Int(path.place)]
            switch instruction.operation {
            case .bytes, .match: current.append(path)
            case .mark:
                // The first group that was complete stays.
                if path.captureEnd < 0 {
                    if instruction.argument == 0 { path.captureStart = at } else { path.captureEnd = at }
                }
                path.place = instruction.next
                stack.append(path)
            case .split:
                var other = path
                other.place = instruction.argument
                stack.append(other)
                path.place = instruction.next
                stack.append(path)
            case .assertion:
                guard PatternAssertion(rawValue: instruction.argument)?.holds(before, after) ?? false else { continue }
                path.place = instruction.next
                stack.append(path)
            }
        }
    }
}
