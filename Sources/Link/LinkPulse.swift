import NIOCore

/// Decides when to ask a silent peer for a sign of life and when to call it dead. Silence is measured from the last byte heard, and while
/// requests are open from the moment at which the first of them was opened, if that was later.
struct LinkPulse {
    enum Action: Equatable {
        case wait
        case ping
        case dead
    }

    private static let ownStall = TimeAmount.milliseconds(500)

    private let busyPing: TimeAmount
    private let idlePing: TimeAmount
    private let busyDead: TimeAmount
    private let idleDead: TimeAmount
    private(set) var lastHeard: NIODeadline
    private var busySince: NIODeadline?
    private var pinged = false

    init(_ settings: LinkSettings, now: NIODeadline) {
        busyPing = settings.busyPing
        idlePing = settings.idlePing
        busyDead = settings.busyDead
        idleDead = settings.idleDead
        lastHeard = now
    }

    mutating func heard(at now: NIODeadline) {
        lastHeard = now
        pinged = false
    }

    mutating func becameBusy(at now: NIODeadline) {
        busySince = now
    }

    mutating func becameIdle() {
        busySince = nil
    }

    /// When `tick` should be called next.
    var due: NIODeadline {
        guard !pinged else { return silentSince + (busySince == nil ? idleDead : busyDead) }
        return silentSince + (busySince == nil ? idlePing : busyPing)
    }

    /// A tick that comes late says that we were stalled ourselves (a stopped process, a starved loop): what the peer sent meanwhile is still unread,
    /// so the silence is measured anew.
    mutating func tick(at now: NIODeadline) -> Action {
        if now - due > Self.ownStall {
            lastHeard = now
            pinged = true
            return .ping
        }
        let busy = busySince != nil
        let silence = now - silentSince
        if silence >= (busy ? busyDead : idleDead) { return .dead }
        guard silence >= (busy ? busyPing : idlePing), !pinged else { return .wait }
        pinged = true
        return .ping
    }

    private var silentSince: NIODeadline {
        guard let busySince else { return lastHeard }
        return max(lastHeard, busySince)
    }
}
