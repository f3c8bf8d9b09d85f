import Synchronization

/// Takes secrets and personal data out of text that is about to leave a process. Safe from any thread.
package final class Redactor: Sendable {
    /// For log lines.
    package static let standard = Redactor()

    private let scanner: Mutex<SensitiveScanner>

    package init(_ scope: SensitiveScope = .all) {
        scanner = Mutex(SensitiveScanner(scope))
    }

    /// The text with `<redacted KIND>` in place of what must not be told. Text without any is returned as it is.
    package func redact(_ text: String) -> String {
        let findings = scanner.withLock { $0.findings(in: text) }
        guard !findings.isEmpty else { return text }
        return String(decoding: Self.cover(Array(text.utf8), findings), as: UTF8.self)
    }

    /// The text with `<redacted KIND>` in place of each finding.
    package static func cover(_ bytes: [UInt8], _ findings: [SensitiveFinding]) -> [UInt8] {
        var result: [UInt8] = []
        var at = 0
        for finding in findings {
            result += bytes[at..<finding.range.lowerBound]
            result += Array("<redacted \(finding.kind)>".utf8)
            at = finding.range.upperBound
        }
        return result + bytes[at...]
    }
}
