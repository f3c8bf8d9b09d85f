import NIOCore

/// A customer's connection, whatever it speaks, as its loop sees it.
protocol EdgeConnection: AnyObject {
    /// In the loop's list.
    var position: Int { get set }
    /// Neither idle nor gone.
    var isBusy: Bool { get }
    /// Somebody still waits for bytes from here.
    var isUnanswered: Bool { get }
    /// Until when it may wait for a next request; nil: it does not, or has never had one.
    var idleUntil: NIODeadline? { get }
    /// Four times a second: deadlines.
    func tick(_ now: NIODeadline)
    /// No new requests. One that is being sent is refused now: it could take longer than there is time.
    func drain()
    /// The time to drain is over: what still runs is ended and told so.
    func cut()
    func closeNow()
}

extension EdgeConnection {
    var idleUntil: NIODeadline? { nil }
}
