import Cryptography
import NIOCore
import NIOSSL
import NIOTLS

/// First handler behind TLS: waits for the handshake, reads who the peer is, and lets the link begin or closes the connection with a reason.
final class LinkGate: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let admission: LinkAdmission
    private let expectedId: String?
    private let deadline: NIODeadline
    /// Puts the link's handlers behind the gate; then the gate goes.
    private let admit: (PeerIdentity) throws -> Void
    private var refused: ((LinkError) -> Void)?
    private var timer: Scheduled<Void>?

    init(
        admission: LinkAdmission, expectedId: String?, deadline: NIODeadline, admit: @escaping (PeerIdentity) throws -> Void,
        refused: @escaping (LinkError) -> Void
    ) {
        self.admission = admission
        self.expectedId = expectedId
        self.deadline = deadline
        self.admit = admit
        self.refused = refused
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(deadline: deadline) {
            let (gate, context) = bound.value
            gate.refuse(context, LinkError(.handshakeFailed, "the TLS handshake took too long"))
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        // A connection that never became active ends here without another word.
        tell(LinkError(.handshakeFailed, "the connection closed before the TLS handshake"))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted(let negotiated)? = event as? TLSUserEvent else {
            context.fireUserInboundEventTriggered(event)
            return
        }
        guard negotiated == LinkCredentials.applicationProtocol else {
            refuse(context, LinkError(.handshakeFailed, "the peer does not speak \(LinkCredentials.applicationProtocol)"))
            return
        }
        switch peer(context) {
        case .failure(let reason): refuse(context, reason)
        case .success(let identity): begin(context, identity)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        refuse(context, LinkError(.handshakeFailed, "the connection closed during the TLS handshake"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        refuse(context, LinkError(.handshakeFailed, "the TLS handshake failed", cause: error))
    }

    private func peer(_ context: ChannelHandlerContext) -> Result<PeerIdentity, LinkError> {
        do {
            guard let presented = try context.pipeline.syncOperations.nioSSL_peerCertificate() else {
                return .failure(LinkError(.peerRefused, "the peer showed no certificate"))
            }
            let certificate = try Certificate(der: presented.toDERBytes())
            if let refusal = admission.refusal(of: certificate, expectedId: expectedId) { return .failure(refusal) }
            guard let identity = certificate.identity else {
                return .failure(LinkError(.peerRefused, "the certificate carries no identity"))
            }
            return .success(identity)
        } catch {
            return .failure(LinkError(.peerRefused, "the peer's certificate cannot be read", cause: error))
        }
    }

    private func begin(_ context: ChannelHandlerContext, _ identity: PeerIdentity) {
        do {
            try admit(identity)
            refused = nil
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        } catch let error as LinkError {
            refuse(context, error)
        } catch {
            refuse(context, LinkError(.closed, "the link could not begin", cause: error))
        }
    }

    private func refuse(_ context: ChannelHandlerContext, _ reason: LinkError) {
        timer?.cancel()
        tell(reason)
        context.close(promise: nil)
    }

    private func tell(_ reason: LinkError) {
        let tell = refused
        refused = nil
        tell?(reason)
    }
}
