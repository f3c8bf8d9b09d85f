/// Sends on a socket; what the kernel does not take waits until it does. The bound is one answer: nobody here asks before the last one ended.
struct Outlet {
    let socket: Socket
    private var unsent: [UInt8] = []

    init(_ socket: Socket) {
        self.socket = socket
    }

    /// False: the connection is gone.
    mutating func send(_ bytes: [UInt8], _ poller: Poller) -> Bool {
        guard unsent.isEmpty else {
            unsent += bytes
            return true
        }
        guard let sent = attempt(bytes) else { return false }
        if sent < bytes.count {
            unsent = Array(bytes[sent...])
            poller.watch(socket, forWriting: true)
        }
        return true
    }

    /// Goes on when the socket can be written again. False: the connection is gone.
    mutating func flush(_ poller: Poller) -> Bool {
        guard let sent = attempt(unsent) else { return false }
        unsent.removeFirst(sent)
        if unsent.isEmpty { poller.watch(socket, forWriting: false) }
        return true
    }

    private func attempt(_ bytes: [UInt8]) -> Int? {
        switch bytes.withUnsafeBytes(socket.send) {
        case .bytes(let count): count
        case .later: 0
        case .gone: nil
        }
    }
}
