import NIOCore
import Synchronization

/// One dial. A name may have several addresses, each tried on a connection of its own; the first that connects is the link's. Can be given up at
/// any step, from any thread.
final class LinkDial: Sendable {
    private struct State {
        var tried: [ObjectIdentifier: (channel: any Channel, admitted: EventLoopFuture<LinkSession>)] = [:]
        var isGivenUp = false
    }

    private let state = Mutex(State())
    private let result: EventLoopPromise<LinkSession>

    init(on loop: any EventLoop) {
        result = loop.makePromise()
    }

    /// - Parameter admitted: what comes of the connection's handshake.
    func tries(_ channel: any Channel, _ admitted: EventLoopFuture<LinkSession>) throws(LinkError) {
        let isGivenUp = state.withLock { state in
            state.tried[ObjectIdentifier(channel)] = (channel, admitted)
            return state.isGivenUp
        }
        if isGivenUp { throw Self.givenUp }
    }

    /// The link, once one of the connections is made and its handshake is through.
    func session(on connected: EventLoopFuture<any Channel>) async throws -> LinkSession {
        connected.flatMap { channel in
            let admitted = self.state.withLock { $0.tried[ObjectIdentifier(channel)]?.admitted }
            return admitted ?? channel.eventLoop.makeFailedFuture(Self.givenUp)
        }.cascade(to: result)
        return try await withTaskCancellationHandler {
            try await result.futureResult.get()
        } onCancel: {
            giveUp()
        }
    }

    private static let givenUp = LinkError(.closed, "the dial was given up")

    /// A name server or a peer that is silent holds nobody up who does not want the link any more.
    private func giveUp() {
        let channels = state.withLock { state in
            state.isGivenUp = true
            return state.tried.values.map(\.channel)
        }
        result.fail(Self.givenUp)
        for channel in channels { channel.close(promise: nil) }
    }
}
