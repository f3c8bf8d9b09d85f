import Domain
import NIOCore
import Telemetry

extension RelayedRequest {
    /// Masks a short body where it lies.
    ///
    /// - Returns: The body as it came, where rules must see what the mask hides.
    func mask(_ body: inout ByteBuffer) -> ByteBuffer? {
        guard let masking = key.masking else { return nil }
        let asItCame = key.contentRules == nil ? nil : body
        var scanner = loop.takeScanner(masking.scope)
        let mask = PromptMask.apply(masking, to: &body, loop.scan, &scanner)
        loop.giveBack(scanner, masking.scope)
        wear(mask)
        return mask?.hides == true ? asItCame : nil
    }

    /// From here on the client's words are put back into what it is told.
    func wear(_ mask: PromptMask?) {
        guard let mask, let sink else { return }
        loop.metrics.promptsMasked.increment()
        self.sink = MaskingSink(sink, mask.book, warns: mask.holdsSecret)
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
