package import NIOCore

/// Joins what one flush writes into one buffer, so that TLS seals it as few records: the frame layer below us writes the nine bytes of a frame's
/// head and its payload apart, and NIOSSL makes a record of each write. Buffers of `largest` bytes and more are passed on as they are.
package final class WriteCoalescer: ChannelOutboundHandler {
    package typealias OutboundIn = IOData
    package typealias OutboundOut = ByteBuffer

    /// Bytes that go out between two frames without the frame layer's knowledge.
    package struct Raw: Sendable {
        package let bytes: ByteBuffer

        package init(bytes: ByteBuffer) {
            self.bytes = bytes
        }
    }

    private static let largest = 16 * 1024

    private var joined = ByteBuffer()
    /// True: `joined` holds what was written before, or nothing.
    private var isPassedOn = true
    private var promises: [EventLoopPromise<Void>] = []

    package init() {}

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .byteBuffer(let bytes) = unwrapOutboundIn(data) else {
            preconditionFailure("the frame layer writes byte buffers only")
        }
        guard bytes.readableBytes < Self.largest else {
            passOn(context)
            context.write(wrapOutboundOut(bytes), promise: promise)
            return
        }
        if isPassedOn {
            // TLS has read the last one by now, as a rule, so this takes its memory again.
            joined.clear(minimumCapacity: 1_024)
            isPassedOn = false
        }
        joined.writeImmutableBuffer(bytes)
        if let promise { promises.append(promise) }
        if joined.readableBytes >= Self.largest { passOn(context) }
    }

    package func flush(context: ChannelHandlerContext) {
        passOn(context)
        context.flush()
    }

    package func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard let raw = event as? Raw else {
            context.triggerUserOutboundEvent(event, promise: promise)
            return
        }
        write(context: context, data: NIOAny(IOData.byteBuffer(raw.bytes)), promise: promise)
    }

    package func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        passOn(context)
        context.flush()
        context.close(mode: mode, promise: promise)
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        let waiting = promises
        promises = []
        for promise in waiting { promise.fail(ChannelError.ioOnClosedChannel) }
    }

    private func passOn(_ context: ChannelHandlerContext) {
        guard !isPassedOn else { return }
        let bytes = joined
        let waiting = promises
        isPassedOn = true
        promises = []
        var promise: EventLoopPromise<Void>?
        if let first = waiting.first {
            let joint = waiting.count == 1 ? first : context.eventLoop.makePromise(of: Void.self)
            if waiting.count > 1 {
                for one in waiting { joint.futureResult.cascade(to: one) }
            }
            promise = joint
        }
        context.write(wrapOutboundOut(bytes), promise: promise)
    }
}
