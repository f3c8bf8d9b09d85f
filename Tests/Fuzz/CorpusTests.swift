import FoundationEssentials
import Testing

/// Every input that is kept, and a few hundred changes of each, against the checks that libFuzzer runs.
@Suite("Corpora of the fuzzers")
struct CorpusTests {
    private static let fuzzers: [any Fuzzer.Type] = [
        JSONFuzzer.self, BodyEditFuzzer.self, EventFuzzer.self, AnswerFuzzer.self, ChunkFuzzer.self, HeadFuzzer.self, FieldsFuzzer.self,
        KeyFuzzer.self, SpoolFuzzer.self, TableFuzzer.self, TranslationFuzzer.self, PatternFuzzer.self, PlainTextFuzzer.self, ProxyFuzzer.self,
    ]
    private static let folder = String(#filePath.dropLast("CorpusTests.swift".count)) + "Corpora/"

    private func inputs(_ name: String) throws -> [(file: String, bytes: [UInt8])] {
        try FileManager.default.contentsOfDirectory(atPath: Self.folder + name).sorted().map { file in
            (file, Array(try Data(contentsOf: URL(filePath: Self.folder + name + "/" + file))))
        }
    }

    @Test("holds for every input of its corpus", arguments: fuzzers.indices)
    func corpus(_ index: Int) throws {
        let fuzzer = Self.fuzzers[index]
        let inputs = try inputs(fuzzer.name)
        #expect(inputs.count > 2, "\(fuzzer.name) has a corpus")
        try fuzzer.check([])
        for (file, bytes) in inputs {
            #expect(throws: Never.self, "\(fuzzer.name)/\(file)") { try fuzzer.check(bytes) }
        }
    }

    @Test("holds for changes of its corpus", arguments: fuzzers.indices)
    func mutations(_ index: Int) throws {
        let fuzzer = Self.fuzzers[index]
        let inputs = try inputs(fuzzer.name)
        var random = Mutation(seed: UInt64(index) + 1)
        for round in 0..<2000 {
            let bytes = random.change(inputs[round % inputs.count].bytes)
            #expect(throws: Never.self, "\(fuzzer.name): \(Base64Text(bytes))") { try fuzzer.check(bytes) }
        }
    }

    @Test("every corpus has its fuzzer")
    func complete() throws {
        #expect(try FileManager.default.contentsOfDirectory(atPath: Self.folder).sorted() == Self.fuzzers.map { $0.name }.sorted())
    }
}

/// For a person to put into a file.
private struct Base64Text: CustomStringConvertible {
    let description: String

    init(_ bytes: [UInt8]) {
        description = Data(bytes).base64EncodedString()
    }
}

/// Repeatable changes (SplitMix64): bytes flipped, taken out, put in, and pieces repeated.
private struct Mutation: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    mutating func change(_ bytes: [UInt8]) -> [UInt8] {
        var changed = bytes
        for _ in 0..<Int.random(in: 1...3, using: &self) {
            let at = Int.random(in: 0...changed.count, using: &self)
            switch Int.random(in: 0..<4, using: &self) {
            case 0 where at < changed.count: changed[at] ^= 1 << UInt8.random(in: 0..<8, using: &self)
            case 1 where at < changed.count: changed.remove(at: at)
            case 2: changed.insert(UInt8.random(in: 0...255, using: &self), at: at)
            default: changed.insert(contentsOf: changed[at...].prefix(Int.random(in: 1...8, using: &self)), at: at)
            }
        }
        return changed
    }
}
