import Link
import NIOCore

/// Stands between the socket of a customer's HTTP/2 connection and its frame layer, and sees the heads of frames as they pass (RFC 9113, section 4.1).
///
/// It counts frames that the frame layer passes over uncounted, and knows since when the head of a request is under way, of which the frame layer tells
/// nobody before its end. And it lets the frame layer take any number of streams while the client is told of
/// `mostStreams`: which of them are too many is for `HTTP2Connection` to say, as the frame layer would end the whole connection for one. That bound is
/// the client's from its first frame on, so the frame layer hears at once that the client knows of it, and not again when it does.
final class FrameGate: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The client sends more than it may of what asks for nothing.
    struct Flood: Error {}

    private enum Opening {
        case preface
        case firstSettings
        /// The frame layer believes that the client has acknowledged our settings; its word is still to come.
        case unacknowledged
        case over
    }

    private static let acknowledgement = ByteBuffer(bytes: [0, 0, 0, 4, 1, 0, 0, 0, 0])

    private let watch: FrameWatch
    private var budget = FrameBudget(now: .now())
    private var opening = Opening.preface
    private var areSettingsTold = false
    private var isFlooded = false
    /// Bytes of the preface or the frame at hand that are still to come.
    private var left = HTTP2Connection.preface.count
    /// The beginning of a frame's head.
    private var held = ByteBuffer()
    /// When the fields began of which the end is still to come.
    private(set) var fieldsBegan: NIODeadline?
    private var isEndOfFields = false

    init(_ watch: FrameWatch) {
        self.watch = watch
    }

    /// A stream that is refused counts as one that the client gave up. False: it was one too many.
    func takesRefusal() -> Bool { budget.takesReset(now: .now()) }

    // MARK: From the client

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isFlooded else { return }
        var bytes = unwrapInboundIn(data)
        if held.readableBytes > 0 {
            held.writeBuffer(&bytes)
            bytes = held
            held = ByteBuffer()
        }
        read(&bytes, context)
        if !isFlooded { pass(bytes, context) }
    }

    /// Leaves in `bytes` what is still to be passed on.
    private func read(_ bytes: inout ByteBuffer, _ context: ChannelHandlerContext) {
        var at = bytes.readerIndex
        while true {
            let count = min(left, bytes.writerIndex - at)
            (left, at) = (left - count, at + count)
            guard left == 0 else { return }
            if isEndOfFields { (fieldsBegan, isEndOfFields) = (nil, false) }
            if case .firstSettings = opening { acknowledge(&bytes, at, context) }
            guard let head = FrameHead(bytes, at) else {
                held = bytes.getSlice(at: at, length: bytes.writerIndex - at) ?? ByteBuffer()
                bytes.moveWriterIndex(to: at)
                return
            }
            if case .unacknowledged = opening, head.isAcknowledgement {
                opening = .over
                passOn(&bytes, to: at, context)
                bytes.moveReaderIndex(forwardBy: FrameHead.size)
                at = bytes.readerIndex
                continue
            }
            if case .preface = opening { opening = head.isSettings ? .firstSettings : .over }
            guard takes(head) else {
                isFlooded = true
                return context.fireErrorCaught(Flood())
            }
            if head.hasFields { follow(head) }
            left = FrameHead.size + head.length
        }
    }

    private func follow(_ head: FrameHead) {
        if fieldsBegan == nil { fieldsBegan = .now() }
        isEndOfFields = head.endsFields
    }

    /// Right behind the first settings of the client, before which the frame layer would take it for an error.
    private func acknowledge(_ bytes: inout ByteBuffer, _ at: Int, _ context: ChannelHandlerContext) {
        opening = .unacknowledged
        passOn(&bytes, to: at, context)
        pass(FrameGate.acknowledgement, context)
    }

    private func takes(_ head: FrameHead) -> Bool {
        switch head.type {
        // Bounded by streams and windows, and by the frame layer: CONTINUATION in a row, and DATA without bytes.
        case FrameHead.data, FrameHead.headers, FrameHead.continuation: true
        case FrameHead.reset: budget.takesReset(now: .now())
        case FrameHead.windowUpdate: budget.takesUpdate(dataSent: watch.dataFrames, now: .now())
        default: budget.takesIdle(now: .now())
        }
    }

    private func passOn(_ bytes: inout ByteBuffer, to end: Int, _ context: ChannelHandlerContext) {
        if let front = bytes.readSlice(length: end - bytes.readerIndex) { pass(front, context) }
    }

    private func pass(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        if bytes.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(bytes)) }
    }

    // MARK: To the client

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        var bytes = unwrapOutboundIn(data)
        if !areSettingsTold {
            areSettingsTold = true
            tellStreams(&bytes)
        }
        context.write(wrapOutboundOut(bytes), promise: promise)
    }

    /// What the frame layer says first is its settings, six bytes each: the one of streams gets the value that holds.
    private func tellStreams(_ bytes: inout ByteBuffer) {
        guard let head = FrameHead(bytes, bytes.readerIndex), head.isSettings else { return }
        let start = bytes.readerIndex + FrameHead.size
        for at in stride(from: start, to: start + head.length, by: 6) where bytes.getInteger(at: at, as: UInt16.self) == FrameHead.streamsSetting {
            bytes.setInteger(UInt32(HTTP2Connection.mostStreams), at: at + 2)
        }
    }
}

private struct FrameHead {
    static let size = 9
    static let data: UInt8 = 0
    static let headers: UInt8 = 1
    static let reset: UInt8 = 3
    static let settings: UInt8 = 4
    static let windowUpdate: UInt8 = 8
    static let continuation: UInt8 = 9
    /// SETTINGS_MAX_CONCURRENT_STREAMS.
    static let streamsSetting: UInt16 = 3

    let length: Int
    let type: UInt8
    private let flags: UInt8
    private let stream: UInt32

    /// Nil: not all of it has come.
    init?(_ bytes: ByteBuffer, _ at: Int) {
        guard bytes.writerIndex - at >= FrameHead.size, let word = bytes.getInteger(at: at, as: UInt32.self),
            let flags = bytes.getInteger(at: at + 4, as: UInt8.self), let stream = bytes.getInteger(at: at + 5, as: UInt32.self)
        else { return nil }
        length = Int(word >> 8)
        type = UInt8(truncatingIfNeeded: word)
        self.flags = flags
        self.stream = stream & 0x7fff_ffff
    }

    var hasFields: Bool { type == FrameHead.headers || type == FrameHead.continuation }
    /// END_HEADERS.
    var endsFields: Bool { flags & 4 == 4 }
    var isSettings: Bool { type == FrameHead.settings && flags & 1 == 0 }
    /// A wrong one is left to the frame layer.
    var isAcknowledgement: Bool { type == FrameHead.settings && flags & 1 == 1 && length == 0 && stream == 0 }
}
