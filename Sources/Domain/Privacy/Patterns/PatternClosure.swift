/// Follows a program's instructions that take no byte. Keeps its storage from one use to the next.
struct PatternClosure {
    private let program: PatternProgram
    /// Instruction to the round in which it was last visited.
    private var visited: [UInt32]
    private var round: UInt32 = 0
    private var stack: [Int32] = []
    /// Instructions that wait for a byte.
    private(set) var waiting: [Int32] = []
    /// Numbers of the expressions that match here.
    private(set) var matched: [Int32] = []
    /// Instructions visited since the start, which is what time is made of.
    private(set) var steps = 0

    init(_ program: PatternProgram) {
        self.program = program
        visited = [UInt32](repeating: 0, count: program.instructions.count)
    }

    mutating func begin() {
        waiting.removeAll(keepingCapacity: true)
        matched.removeAll(keepingCapacity: true)
        round &+= 1
        guard round == 0 else { return }
        for place in visited.indices { visited[place] = 0 }
        round = 1
    }

    mutating func follow(_ start: Int32, _ before: PatternContext, _ after: PatternContext) {
        guard start >= 0 else { return }
        stack.append(start)
        while let place = stack.popLast() {
            guard visited[Int(place)] != round else { continue }
            visited[Int(place)] = round
            steps += 1
            let instruction = program.instructions[Int(place)]
            switch instruction.operation {
            case .bytes: waiting.append(place)
            case .mark: stack.append(instruction.next)
            case .match: matched.append(instruction.argument)
            case .split:
                stack.append(instruction.argument)
                stack.append(instruction.next)
            case .assertion:
                let holds = PatternAssertion(rawValue: instruction.argument)?.holds(before, after) ?? false
                if holds { stack.append(instruction.next) }
            }
        }
    }
}
