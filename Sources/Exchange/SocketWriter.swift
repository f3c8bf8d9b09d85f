import Glibc
package import NIOCore

/// Writes to a plain socket at once, without the way through its channel, which costs more than the system call. What the socket does not take
/// now goes the usual way, and all that comes after it until it has gone, so that bytes keep their order and slow readers are noticed as ever.
/// Lives on the loop of its channel.
package final class SocketWriter {
    private let descriptor: NIOBSDSocket.Handle
    /// Writes that the channel has been given and that have not ended.
    private var queued = 0

    /// Looking up the socket takes as long as two writes through the channel: for a connection that writes once it is not worth it.
    ///
    /// - Parameter context: Of a channel whose other handlers leave bytes that are written as they are. Nil when the channel has no socket, and
    ///   while bytes wait there that were written before.
    package init?(_ context: ChannelHandlerContext) {
        guard let waiting = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes), waiting == 0 else { return nil }
        let handle = try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }
        guard let handle else { return nil }
        descriptor = handle
    }

    /// - Parameter isLast: False: more follows in the same step, and both may share a packet.
    package func write(_ bytes: ByteBuffer, isLast: Bool = true, to context: ChannelHandlerContext) {
        var rest = bytes
        // A channel closes its socket in the step in which it ceases to be active: the descriptor of an active one is its own.
        if queued == 0, context.channel.isActive {
            let flags = CInt(MSG_NOSIGNAL) | (isLast ? 0 : CInt(MSG_MORE))
            let sent = rest.withUnsafeReadableBytes { send(descriptor, $0.baseAddress, $0.count, flags) }
            // After an error too: the channel meets the same one, and closes.
            rest.moveReaderIndex(forwardBy: max(sent, 0))
            if rest.readableBytes == 0 { return }
        }
        queue(rest, context)
    }

    private func queue(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        queued += 1
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { _ in self.queued -= 1 }
        context.writeAndFlush(NIOAny(bytes), promise: written)
    }
}
