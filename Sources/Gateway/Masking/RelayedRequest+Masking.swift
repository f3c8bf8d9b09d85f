import Domain
import HTTPWire
import NIOCore
import Telemetry

extension RelayedRequest {
    /// The body with placeholders for what no host may see. What is no JSON is left to whoever refuses it.
    func masked(_ body: ByteBuffer, _ masking: Masking) -> ByteBuffer {
        guard let sink else { return body }
        var book = MaskBook()
        var holdsSecret = false
        let rewritten: [UInt8]? = body.withUnsafeReadableBytes { bytes in
            do throws(JSONFault) { try loop.scan.scan(bytes) } catch { return nil }
            var scanner = loop.takeScanner(masking.scope)
            defer { loop.giveBack(scanner, masking.scope) }
            return StringRewriter.rewrite(bytes) { _, value in
                let findings = value.withUnsafeBytes { scanner.findings(in: $0) }
                holdsSecret = holdsSecret || findings.contains { $0.kind.isSecret }
                guard masking.replaces, !findings.isEmpty else { return nil }
                return book.cover(value, findings) { placeholder in Self.holds(bytes, placeholder) }
            }
        }
        guard holdsSecret || !book.isEmpty else { return body }
        loop.metrics.promptsMasked.increment()
        self.sink = MaskingSink(sink, book, warns: holdsSecret)
        return rewritten.map { ByteBuffer(bytes: $0) } ?? body
    }

    private static func holds(_ bytes: UnsafeRawBufferPointer, _ text: [UInt8]) -> Bool {
        var at = bytes.startIndex
        while let found = bytes[at...].firstIndex(of: text[0]) {
            if bytes[found...].starts(with: text) { return true }
            at = found + 1
        }
        return false
    }
}

extension GatewayLoop {
    /// Scanners are made when a tenant first needs one, and used again.
    func takeScanner(_ scope: SensitiveScope) -> SensitiveScanner {
        scanners.removeValue(forKey: scope) ?? SensitiveScanner(scope)
    }

    func giveBack(_ scanner: SensitiveScanner, _ scope: SensitiveScope) {
        scanners[scope] = scanner
    }
}
