import Foundation
import Testing

@testable import Domain

/// The figures of docs/privacy-and-abuse.md.
@Suite struct PersonalDataRecallTests {
    private static let count = 2_000

    private func findings(_ text: String) -> [SensitiveFinding] {
        var scanner = SensitiveScanner(.personal)
        return scanner.findings(in: text)
    }

    /// Whole: a placeholder that leaves digits behind hides nothing.
    @Test(
        arguments: [
            (.email, 2_000), (.iban, 2_000), (.card, 2_000), (.phone, 2_000), (.nationalPhone, 1_940), (.namedPhone, 1_810), (.address, 2_000),
            (.western, 2_000),
        ] as [(PersonalDataCorpus.Kind, Int)])
    func personalDataOfEachKindIsFoundWhole(kind: PersonalDataCorpus.Kind, floor: Int) {
        var corpus = PersonalDataCorpus(seed: 20_261_127)
        let samples = corpus.samples(kind, count: Self.count)
        let missed = samples.filter { sample in
            !findings(sample.text).contains { $0.range.lowerBound <= sample.value.lowerBound && $0.range.upperBound >= sample.value.upperBound }
        }
        #expect(samples.count - missed.count >= floor, "\(kind): \(missed.count) of \(samples.count) were missed: \(missed.prefix(20).map(\.text))")
    }

    @Test(arguments: LookAlikes.names) func whatOnlyLooksLikePersonalDataIsSeldomTakenForIt(name: String) {
        var likes = LookAlikes(seed: 20_261_127)
        let texts = (0..<500).map { _ in likes.text(name) }
        let taken = texts.filter { !findings($0).isEmpty }
        #expect(taken.count <= Self.mostTaken[name, default: 0], "\(name): \(taken.count) of \(texts.count): \(taken.prefix(5))")
    }

    /// Of 500 texts. A number of 16 digits that is a card's but for its last digit has that digit too one time in ten.
    private static let mostTaken = ["numbers of orders": 32, "rows of numbers": 55, "book numbers": 49]

    /// Prose and code: this repository's own, without its tests.
    @Test func inProseAndCodeThereIsHardlyAnything() throws {
        let root = URL(filePath: #filePath).appending(path: "../../../..").standardized
        var (bytes, taken): (Int, [String]) = (0, [])
        for folder in ["Sources", "docs", "Migrations"] {
            let files = try #require(FileManager.default.enumerator(at: root.appending(path: folder), includingPropertiesForKeys: nil))
            for case let file as URL in files where ["swift", "md", "sql"].contains(file.pathExtension) {
                let text = try String(contentsOf: file, encoding: .utf8)
                bytes += text.utf8.count
                taken += findings(text).map { String(decoding: Array(text.utf8)[$0.range], as: UTF8.self) }
            }
        }
        #expect(bytes > 1_000_000 && taken.count * 100_000 <= bytes, "\(taken.count) in \(bytes) bytes: \(taken)")
    }
}
