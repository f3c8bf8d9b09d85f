/// Finds many literals in one pass over a text (Aho and Corasick 1975). Its memory is that of the literals; its time is the text's length.
struct LiteralAutomaton: Sendable {
    private struct State: Sendable {
        /// Edges of this state within `edges`, sorted by byte.
        var edges: Range<Int32> = 0..<0
        /// The state of the longest end of this one's text that is a beginning too.
        var failure: Int32 = 0
        /// Literal that ends here; -1: none.
        var literal: Int32 = -1
        /// The next shorter state with a literal that ends here; 0: none.
        var shorter: Int32 = 0
    }

    private var states: [State] = [State()]
    private var edgeBytes: [UInt8] = []
    private var edgeTargets: [Int32] = []
    private var root = [Int32](repeating: 0, count: 256)
    /// Equal literals have one number in the automaton.
    private var numbers: [[Int]] = []
    private let ignoresCase: Bool

    var isEmpty: Bool { numbers.isEmpty }

    /// - Parameter literals: With the numbers that hits are told by; none is empty.
    init(_ literals: [(number: Int, bytes: [UInt8])], ignoresCase: Bool) {
        self.ignoresCase = ignoresCase
        var trie: [[UInt8: Int32]] = [[:]]
        for (number, bytes) in literals { insert(ignoresCase ? Self.lowered(bytes) : bytes, number, &trie) }
        flatten(trie)
        link(trie)
    }

    /// Calls `found` with a literal's number and the offset behind it; it returns whether to go on.
    func scan(_ bytes: UnsafeRawBufferPointer, found: (Int, Int) -> Bool) {
        var state: Int32 = 0
        var at = 0
        while at < bytes.count {
            let byte = bytes[at]
            guard ignoresCase else {
                at += 1
                state = step(state, byte)
                guard tell(state, at, found) else { return }
                continue
            }
            guard byte >= 0x80 else {
                at += 1
                state = step(state, byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte)
                guard tell(state, at, found) else { return }
                continue
            }
            let (lower, end) = Self.lowerScalar(bytes, at)
            at = end
            for unit in lower { state = step(state, unit) }
            guard tell(state, at, found) else { return }
        }
    }

    @inline(__always)
    private func step(_ from: Int32, _ byte: UInt8) -> Int32 {
        var state = from
        while state != 0 {
            if let target = target(of: state, byte) { return target }
            state = states[Int(state)].failure
        }
        return root[Int(byte)]
    }

    @inline(__always)
    private func target(of state: Int32, _ byte: UInt8) -> Int32? {
        for edge in states[Int(state)].edges where edgeBytes[Int(edge)] == byte { return edgeTargets[Int(edge)] }
        return nil
    }

    @inline(__always)
    private func tell(_ from: Int32, _ end: Int, _ found: (Int, Int) -> Bool) -> Bool {
        guard from != 0 else { return true }
        var state = from
        while state != 0 {
            let literal = states[Int(state)].literal
            if literal >= 0 {
                for number in numbers[Int(literal)] where !found(number, end) { return false }
            }
            state = states[Int(state)].shorter
        }
        return true
    }

    // MARK: Building

    private mutating func insert(_ bytes: [UInt8], _ number: Int, _ trie: inout [[UInt8: Int32]]) {
        var state = 0
        for byte in bytes {
            if let known = trie[state][byte] {
                state = Int(known)
                continue
            }
            trie[state][byte] = Int32(trie.count)
            state = trie.count
            trie.append([:])
            states.append(State())
        }
        guard state != 0 else { return }
        if states[state].literal < 0 {
            states[state].literal = Int32(numbers.count)
            numbers.append([])
        }
        numbers[Int(states[state].literal)].append(number)
    }

    private mutating func flatten(_ trie: [[UInt8: Int32]]) {
        for (state, edges) in trie.enumerated() {
            let first = Int32(edgeBytes.count)
            for (byte, target) in edges.sorted(by: { $0.key < $1.key }) {
                edgeBytes.append(byte)
                edgeTargets.append(target)
                if state == 0 { root[Int(byte)] = target }
            }
            states[state].edges = first..<Int32(edgeBytes.count)
        }
    }

    /// In order of depth, so that the shorter states are linked before the longer ones.
    private mutating func link(_ trie: [[UInt8: Int32]]) {
        var queue = trie[0].values.sorted()
        var place = 0
        while place < queue.count {
            let state = queue[place]
            place += 1
            for (byte, target) in trie[Int(state)] {
                queue.append(target)
                let failure = step(states[Int(state)].failure, byte)
                states[Int(target)].failure = failure
                states[Int(target)].shorter = states[Int(failure)].literal >= 0 ? failure : states[Int(failure)].shorter
            }
        }
    }

    // MARK: Case

    static func lowered(_ bytes: [UInt8]) -> [UInt8] {
        var lower: [UInt8] = []
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars { lower += Array(CaseFolding.lower(scalar).utf8) }
        return lower
    }

    /// The sequence at `at` in lower case, and where it ends; bytes that are no UTF-8 stay as they are.
    fileprivate static func lowerScalar(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> ([UInt8], Int) {
        let lead = bytes[at]
        let length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2
        guard lead >= 0xC2, at + length <= bytes.count else { return ([lead], at + 1) }
        let sequence = Array(bytes[at..<at + length])
        var decoder = UTF8()
        var iterator = sequence.makeIterator()
        guard case .scalarValue(let scalar) = decoder.decode(&iterator), UTF8.width(scalar) == length else { return ([lead], at + 1) }
        return (Array(CaseFolding.lower(scalar).utf8), at + length)
    }
}

extension Unicode.Scalar {
    fileprivate var utf8: [UInt8] { Array(String(self).utf8) }
}
