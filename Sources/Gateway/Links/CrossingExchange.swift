import Exchange
import Link
import NIOCore
import Synchronization

/// An exchange whose link lives on another event loop than its receiver. What one read of the link brings crosses as one batch.
///
/// The two halves live each on one loop only and know each other through `NIOLoopBound`, which checks it.
final class CrossingExchange: RunningExchange {
    private let home: any EventLoop
    private let away: any EventLoop
    private var receiver: (any ExchangeReceiver)?

    private init(home: any EventLoop, away: any EventLoop, receiver: any ExchangeReceiver) {
        self.home = home
        self.away = away
        self.receiver = receiver
    }

    static func start(
        _ request: ExchangeRequest, over link: LinkConnection, from home: any EventLoop, receiver: any ExchangeReceiver,
        onFinish: @escaping @Sendable () -> Void
    ) -> CrossingExchange {
        let near = CrossingExchange(home: home, away: link.eventLoop, receiver: receiver)
        let bound = NIOLoopBound(near, eventLoop: home)
        let far = FarSide(near: bound, home: home)
        // Nothing but its own loop touches it after this line.
        let farBound = NIOLoopBoundBox<FarSide?>.makeBoxSendingValue(far, eventLoop: link.eventLoop)
        near.farBox = farBound
        link.eventLoop.execute {
            farBound.value?.begin(request, over: link, onFinish: onFinish)
        }
        return near
    }

    private var farBox: NIOLoopBoundBox<FarSide?>?

    func cancel() {
        guard receiver != nil else { return }
        receiver = nil
        tellFar { $0.cancel() }
        farBox = nil
    }

    func setReading(_ on: Bool) {
        guard receiver != nil else { return }
        tellFar { $0.setReading(on) }
    }

    fileprivate func deliver(_ batch: [CrossingEvent], bytes: Int) {
        for event in batch {
            guard let receiver else { return }
            switch event {
            case .head(let head): receiver.exchangeHead(head)
            case .body(let bytes): receiver.exchangeBody(bytes)
            case .readComplete: receiver.exchangeReadComplete()
            case .end: over { $0.exchangeEnd() }
            case .failed(let failure): over { $0.exchangeFailed(failure) }
            }
        }
        if bytes > 0, receiver != nil { tellFar { $0.delivered(bytes) } }
    }

    private func over(_ tell: (any ExchangeReceiver) -> Void) {
        guard let last = receiver else { return }
        receiver = nil
        farBox = nil
        tell(last)
    }

    private func tellFar(_ what: @escaping @Sendable (FarSide) -> Void) {
        guard let farBox else { return }
        away.execute {
            if let far = farBox.value { what(far) }
        }
    }
}

private enum CrossingEvent: Sendable {
    case head(ExchangeHead)
    case body(ByteBuffer)
    case readComplete
    case end
    case failed(ExchangeFailure)
}

/// The half on the link's loop.
private final class FarSide: ExchangeReceiver {
    /// Bytes on their way to the other loop above which the link's stream is not read.
    private static let mostInTransit = 256 * 1024

    private let near: NIOLoopBound<CrossingExchange>
    private let home: any EventLoop
    private var exchange: (any RunningExchange)?
    private var batch: [CrossingEvent] = []
    private var batchBytes = 0
    private var inTransit = 0
    private var isWanted = true
    private var isReading = true

    init(near: NIOLoopBound<CrossingExchange>, home: any EventLoop) {
        self.near = near
        self.home = home
    }

    func begin(_ request: ExchangeRequest, over link: LinkConnection, onFinish: @escaping @Sendable () -> Void) {
        exchange = link.start(request, receiver: self, onFinish: onFinish)
    }

    func cancel() {
        exchange?.cancel()
        exchange = nil
    }

    func setReading(_ on: Bool) {
        isWanted = on
        adjustReading()
    }

    func delivered(_ bytes: Int) {
        inTransit -= bytes
        adjustReading()
    }

    func exchangeHead(_ head: ExchangeHead) {
        // A head is worth a crossing of its own: it may be all that comes for a while.
        batch.append(.head(head))
        send()
    }

    func exchangeBody(_ bytes: ByteBuffer) {
        batch.append(.body(bytes))
        batchBytes += bytes.readableBytes
    }

    func exchangeReadComplete() {
        batch.append(.readComplete)
        send()
    }

    func exchangeEnd() {
        exchange = nil
        batch.append(.end)
        send()
    }

    func exchangeFailed(_ failure: ExchangeFailure) {
        exchange = nil
        batch.append(.failed(failure))
        send()
    }

    private func send() {
        let events = batch
        let bytes = batchBytes
        batch = []
        batchBytes = 0
        inTransit += bytes
        home.execute { [near] in near.value.deliver(events, bytes: bytes) }
        adjustReading()
    }

    private func adjustReading() {
        let wanted = isWanted && inTransit < Self.mostInTransit
        guard wanted != isReading else { return }
        isReading = wanted
        exchange?.setReading(wanted)
    }
}
