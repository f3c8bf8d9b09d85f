import NIOCore

/// What the client of one HTTP/2 connection may send that costs us work and asks for nothing. Past it the connection ends.
struct FrameBudget {
    static let window = TimeAmount.seconds(30)
    /// PING, SETTINGS, PRIORITY, GOAWAY, frames of types that nobody knows, and WINDOW_UPDATE beyond what we have sent: keep-alives of a busy proxy stay far below.
    static let idleFrames = 600
    /// Streams that the client gives up, or that are refused because it has too many: a busy proxy's customers leave, but not more often than this.
    static let resets = 300
    /// WINDOW_UPDATE frames for each DATA frame that we have sent, as Envoy has it; a client that gives window for each sends two.
    static let updatesPerData = 10

    private var windowBegan: NIODeadline
    private var idle = 0
    private var reset = 0
    private var updates = 0

    init(now: NIODeadline) {
        windowBegan = now
    }

    /// False: it was one too many.
    mutating func takesIdle(now: NIODeadline) -> Bool {
        roll(now)
        idle += 1
        return idle <= FrameBudget.idleFrames
    }

    mutating func takesReset(now: NIODeadline) -> Bool {
        roll(now)
        reset += 1
        return reset <= FrameBudget.resets
    }

    /// - Parameter dataSent: DATA frames of ours on this connection so far.
    mutating func takesUpdate(dataSent: Int, now: NIODeadline) -> Bool {
        guard updates >= dataSent * FrameBudget.updatesPerData else {
            updates += 1
            return true
        }
        return takesIdle(now: now)
    }

    private mutating func roll(_ now: NIODeadline) {
        guard now - windowBegan >= FrameBudget.window else { return }
        windowBegan = now
        idle = 0
        reset = 0
    }
}
