import CLibcurl

/// What the engine's thread and the caller's task share.
struct TransferState {
    /// A stream pauses when this many bytes wait for the caller.
    static let bufferLimit = 256 << 10

    var head: OutboundHead?
    var body: [UInt8] = []
    /// Of a body that is collected.
    private(set) var arrivals: [OutboundArrival] = []
    var end: Result<OutboundTimings, OutboundError>?
    /// Why we aborted; wins over what libcurl calls it.
    var ownFault: OutboundError?
    var isReceivingPaused = false
    var upload = UploadState()
    /// Rises with each change, so that a change between looking and waiting is not missed.
    var version = 0
    var waiter: CheckedContinuation<Void, Never>?

    mutating func note(_ arrival: OutboundArrival) {
        if arrivals.count == OutboundResponse.mostArrivals { arrivals.removeLast() }
        arrivals.append(arrival)
    }

    mutating func takeBody() -> [UInt8] {
        defer { body = [] }
        return body
    }

    /// True when receiving had paused and may go on now.
    mutating func takePause() -> Bool {
        defer { isReceivingPaused = false }
        return isReceivingPaused
    }
}

/// The request's body on its way: one piece at a time.
struct UploadState {
    private enum Phase {
        case open
        /// No piece will follow.
        case closed
        case aborted
        /// The transfer is over.
        case ended
    }

    private var phase = Phase.open
    private var piece: ArraySlice<UInt8> = []
    private var taken: CheckedContinuation<Void, Never>?
    var task: Task<Void, Never>?

    var isEnded: Bool { phase == .ended }

    mutating func offer(_ bytes: [UInt8], _ continuation: CheckedContinuation<Void, Never>) -> Bool {
        guard phase == .open else { return false }
        piece = bytes[...]
        taken = continuation
        return true
    }

    mutating func take(into room: UnsafeMutableRawBufferPointer) -> (Int, CheckedContinuation<Void, Never>?) {
        if phase == .aborted { return (clibcurl_read_abort(), nil) }
        guard !piece.isEmpty else { return (phase == .open ? clibcurl_read_pause() : 0, nil) }
        let part = piece.prefix(room.count)
        room.copyBytes(from: part)
        piece = piece.dropFirst(part.count)
        guard piece.isEmpty else { return (part.count, nil) }
        defer { taken = nil }
        return (part.count, taken)
    }

    mutating func close() {
        if phase == .open { phase = .closed }
    }

    mutating func abort() {
        if phase == .open { phase = .aborted }
    }

    mutating func end() -> CheckedContinuation<Void, Never>? {
        phase = .ended
        piece = []
        task?.cancel()
        task = nil
        defer { taken = nil }
        return taken
    }
}
