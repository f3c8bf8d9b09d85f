import CLibcurl
import Synchronization

/// One call. The engine's thread drives it; the caller's task waits on it.
final class Transfer: @unchecked Sendable {
    // Proof: `easy`, `lines`, `errorText`, `headReader` and `start` are touched by the engine's thread alone; `request` is constant; the rest is behind the lock.
    private(set) var easy: UnsafeMutableRawPointer?
    private var lines: UnsafeMutablePointer<curl_slist>?
    private var errorText = UnsafeMutableBufferPointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    private var headReader = HeadReader()
    private var start = ContinuousClock.now
    let request: OutboundRequest
    private let collects: Bool
    private let engine: TransferEngine
    private let state = Mutex(TransferState())

    init(_ request: OutboundRequest, collects: Bool, engine: TransferEngine) throws(OutboundError) {
        try request.validate()
        self.request = request
        self.collects = collects
        self.engine = engine
        errorText.initialize(repeating: 0)
    }

    deinit { errorText.deallocate() }

    // MARK: the caller's side

    func response() async -> Result<OutboundResponse, OutboundError> {
        await take { state in
            guard let end = state.end else { return nil }
            return end.flatMap { timings in
                guard let head = state.head else { return .failure(.headless) }
                return .success(OutboundResponse(head: head, body: state.body, timings: timings, arrivals: state.arrivals))
            }
        }
    }

    func head() async -> Result<OutboundHead, OutboundError> {
        await take { state in
            if let head = state.head { return .success(head) }
            return state.end.map { end in end.flatMap { _ in .failure(.headless) } }
        }
    }

    /// Nil at the end of the body.
    func nextPiece() async -> Result<[UInt8]?, OutboundError> {
        let (result, wasPaused) = await take { state -> (Result<[UInt8]?, OutboundError>, Bool)? in
            guard state.body.isEmpty else { return (.success(state.takeBody()), state.takePause()) }
            return state.end.map { end in (end.map { _ in nil }, false) }
        }
        if wasPaused { engine.enqueue(.resume(self)) }
        return result
    }

    func cancel() {
        let isRunning = state.withLock { $0.end == nil }
        if isRunning { engine.enqueue(.abort(self, OutboundError(code: .cancelled, message: "the call was cancelled"))) }
    }

    /// Waits until `attempt` finds what it looks for. One waiting task at a time.
    private func take<Value: Sendable>(_ attempt: (inout TransferState) -> Value?) async -> Value {
        while true {
            let (value, seen) = state.withLock { (attempt(&$0), $0.version) }
            if let value { return value }
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let isStale = state.withLock { state in
                    guard state.version == seen else { return true }
                    state.waiter = continuation
                    return false
                }
                if isStale { continuation.resume() }
            }
        }
    }

    /// Changes the state and wakes who waits, outside the lock.
    private func change<Value: Sendable>(_ edit: (inout TransferState) -> Value) -> Value {
        let (value, waiter) = state.withLock { state in
            let value = edit(&state)
            state.version += 1
            let waiter = state.waiter
            state.waiter = nil
            return (value, waiter)
        }
        waiter?.resume()
        return value
    }

    // MARK: the engine's side

    /// Makes the libcurl handle. Gives a fault when libcurl refuses an option.
    func prepare() -> OutboundError? {
        guard let easy = curl_easy_init() else { return OutboundError(code: .overloaded, message: "libcurl has no memory for a handle") }
        self.easy = easy
        start = .now
        lines = TransferOptions.headerLines(request)
        clibcurl_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText.baseAddress)
        guard TransferOptions.apply(request, lines: lines, transfer: self, to: easy) else {
            return OutboundError(code: .invalidRequest, message: "libcurl refused an option of the request")
        }
        if case .stream(_, let pieces) = request.body { startUpload(pieces) }
        return nil
    }

    func complete(_ result: CURLcode) {
        let timings = easy.map(TransferOptions.timings) ?? OutboundTimings()
        let own = state.withLock { $0.ownFault }
        if let own { return fail(own) }
        guard result != CURLE_OK else { return change { $0.end = .success(timings) } }
        let text = errorText.baseAddress.map { String(cString: $0) } ?? ""
        fail(CurlFailure.error(result, text: text))
    }

    func fail(_ error: OutboundError) {
        change { if $0.end == nil { $0.end = .failure(error) } }
    }

    /// Frees what belongs to libcurl. The handle must have left the engine.
    func release() {
        if let easy { curl_easy_cleanup(easy) }
        easy = nil
        curl_slist_free_all(lines)
        lines = nil
        let upload = state.withLock { state in
            let upload = state.upload.end()
            return upload
        }
        upload?.resume()
    }

    /// A line of the head with its line end. Zero aborts.
    func receiveHeadLine(_ line: UnsafeRawBufferPointer) -> Int {
        switch headReader.read(line) {
        case .more: break
        case .head(let head): change { $0.head = head }
        case .malformed:
            state.withLock { $0.ownFault = OutboundError(code: .protocolViolation, message: "the answer's head cannot be read") }
            return 0
        }
        return line.count
    }

    /// Bytes of the body: how many were taken; all or none, or the sign to pause.
    func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
        let after = ContinuousClock.now - start
        return change { state in
            if collects {
                guard state.body.count + bytes.count <= request.responseLimit else {
                    state.ownFault = OutboundError(code: .responseTooLarge, message: "the answer has more than \(request.responseLimit) bytes")
                    return 0
                }
                state.note(OutboundArrival(end: state.body.count + bytes.count, after: after))
            } else if state.body.count >= TransferState.bufferLimit {
                state.isReceivingPaused = true
                return clibcurl_write_pause()
            }
            state.body.append(contentsOf: bytes)
            return bytes.count
        }
    }

    /// Fills `room` with bytes of the request's body: how many, zero at the end, or the sign to pause or abort.
    func send(into room: UnsafeMutableRawBufferPointer) -> Int {
        let (result, waiter) = state.withLock { $0.upload.take(into: room) }
        waiter?.resume()
        return result
    }

    private func startUpload(_ pieces: any AsyncSequence<[UInt8], any Error> & Sendable) {
        // Nobody waits for this task: it ends with the sequence, or at its next piece after the transfer has ended.
        let task = Task { [self] in
            do {
                for try await piece in pieces where !piece.isEmpty {
                    guard await offer(piece) else { return }
                }
                state.withLock { $0.upload.close() }
            } catch {
                state.withLock { state in
                    state.upload.abort()
                    state.ownFault = OutboundError(code: .requestBodyFailed, message: "the request's body could not be produced", cause: error)
                }
            }
            engine.enqueue(.resume(self))
        }
        state.withLock { $0.upload.task = task }
    }

    /// Hands one piece over and waits until libcurl has taken all of it. False when the transfer has ended.
    private func offer(_ piece: [UInt8]) async -> Bool {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isOpen = state.withLock { $0.upload.offer(piece, continuation) }
            if isOpen { engine.enqueue(.resume(self)) } else { continuation.resume() }
        }
        return state.withLock { !$0.upload.isEnded }
    }
}

extension OutboundError {
    static let headless = OutboundError(code: .protocolViolation, message: "the answer has no head")
}
