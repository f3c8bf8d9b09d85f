import Domain
import HTTPWire
import NIOCore

/// What was found in a prompt that no host may see, and the prompt without it.
struct PromptMask: Sendable {
    let book: MaskBook
    /// The prompt seems to hold a secret.
    let holdsSecret: Bool
    /// The prompt is not what it was.
    var hides: Bool { !book.isEmpty }

    /// Puts placeholders into the body. Nil when there is nothing to be masked or warned of; what is no JSON is left to whoever refuses it.
    static func apply(_ masking: Masking, to body: inout ByteBuffer, _ scan: RequestScan, _ scanner: inout SensitiveScanner) -> PromptMask? {
        var book = MaskBook()
        // Looked for once, and only where there is something to be masked.
        var taken: Placeholders?
        var holdsSecret = false
        let rewritten: [UInt8]? = body.withUnsafeReadableBytes { bytes in
            do throws(JSONFault) { try scan.scan(bytes) } catch { return nil }
            return StringRewriter.rewriteNested(bytes) { value in
                let findings = value.withUnsafeBytes { scanner.findings(in: $0) }
                holdsSecret = holdsSecret || findings.contains { $0.kind.isSecret }
                guard masking.replaces, !findings.isEmpty else { return nil }
                let own = taken ?? Placeholders(in: bytes)
                taken = own
                return book.cover(value, findings, isTaken: own.contains)
            }
        }
        guard holdsSecret || !book.isEmpty else { return nil }
        if let rewritten { body = ByteBuffer(bytes: rewritten) }
        return PromptMask(book: book, holdsSecret: holdsSecret)
    }
}
