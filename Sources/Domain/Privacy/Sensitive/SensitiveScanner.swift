/// Finds secrets and personal data in a text. Time is linear in the text. Keep one for each event loop or lock.
package struct SensitiveScanner: Sendable {
    private let scope: SensitiveScope
    private var secrets: SecretScanner?

    package init(_ scope: SensitiveScope = .all) {
        self.scope = scope
    }

    /// In order, none within another: of two that overlap the one that begins first stands for both.
    package mutating func findings(in bytes: UnsafeRawBufferPointer) -> [SensitiveFinding] {
        // Nothing that is looked for is shorter.
        guard bytes.count >= 6 else { return [] }
        var all: [SensitiveFinding] = []
        if scope.contains(.secrets) {
            var scanner = secrets ?? SecretScanner()
            secrets = nil
            scanner.scan(bytes, into: &all)
            secrets = scanner
        }
        if scope.contains(.personal) { PersonalDataScanner.scan(bytes, into: &all) }
        return Self.joined(all)
    }

    package mutating func findings(in text: String) -> [SensitiveFinding] {
        var text = text
        return text.withUTF8 { findings(in: UnsafeRawBufferPointer($0)) }
    }

    private static func joined(_ findings: [SensitiveFinding]) -> [SensitiveFinding] {
        guard findings.count > 1 else { return findings }
        var joined: [SensitiveFinding] = []
        let ordered = findings.sorted {
            ($0.range.lowerBound, -$0.range.upperBound, $0.kind.description) < ($1.range.lowerBound, -$1.range.upperBound, $1.kind.description)
        }
        for finding in ordered {
            guard let last = joined.last, last.range.upperBound > finding.range.lowerBound else {
                joined.append(finding)
                continue
            }
            joined[joined.count - 1].range = last.range.lowerBound..<max(last.range.upperBound, finding.range.upperBound)
        }
        return joined
    }
}
