import Cryptography

/// How far the control plane has acknowledged each stream of segments. Kept in a small file, replaced in one step.
struct SpoolCursor: Sendable, Equatable {
    struct Position: Sendable, Equatable {
        var number: Int
        var offset: Int
    }

    private(set) var positions: [String: Position] = [:]
    /// Starts of which nothing more is told: the control plane knows that it has every record, or some are damaged and it never will.
    private(set) var settled: Set<String> = []
    private static let settledMark = "settled"

    init() {}

    /// An unreadable cursor means starting over: records are shipped again and the control plane knows them.
    init(path: String) throws(MeterError) {
        guard SecretFile.exists(path) else { return }
        let text = String(decoding: try FilePiece.read(path, limit: 1 << 20), as: UTF8.self)
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ")
            if parts.count == 2, parts[1] == Self.settledMark { settled.insert(String(parts[0])) }
            guard parts.count == 3, let number = Int(parts[1]), let offset = Int(parts[2]), number >= 0, offset >= 0 else { continue }
            positions[String(parts[0])] = Position(number: number, offset: offset)
        }
    }

    func save(path: String) throws(MeterError) {
        let lines =
            positions.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.number) \($0.value.offset)\n" }
            + settled.sorted().map { "\($0) \(Self.settledMark)\n" }
        do {
            try SecretFile.write(Array(lines.joined().utf8), to: path)
        } catch {
            throw MeterError(.cursor, "cannot save the cursor", cause: error)
        }
    }

    func position(of stream: String) -> Position {
        positions[stream] ?? Position(number: 0, offset: 0)
    }

    mutating func advance(_ stream: String, to position: Position) {
        positions[stream] = position
    }

    mutating func settle(_ boots: [String]) {
        settled.formUnion(boots)
    }

    /// Forgets streams and starts of which no segment is left.
    mutating func keep(_ names: [SpoolName]) {
        let (streams, boots) = (Set(names.map(\.streamName)), Set(names.map(\.boot)))
        positions = positions.filter { streams.contains($0.key) }
        settled.formIntersection(boots)
    }
}
