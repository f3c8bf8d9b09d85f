import CLibcurl
import Glibc
import Synchronization

/// One thread that runs all transfers of a client on one libcurl multi handle. Everything of libcurl is touched there and nowhere else,
/// `curl_multi_wakeup` aside, which libcurl allows from any thread.
final class TransferEngine: Sendable {
    enum Command: Sendable {
        case start(Transfer)
        case abort(Transfer, OutboundError)
        /// The transfer's buffers changed: try again what was paused.
        case resume(Transfer)
    }

    private struct State {
        var commands: [Command] = []
        var running = 0
        var isShutDown = false
    }

    private let state = Mutex(State())
    private let multi: MultiHandle
    private let concurrentCalls: Int

    private static let isLibraryReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    init(connectionsPerHost: Int, concurrentCalls: Int) {
        precondition(Self.isLibraryReady, "libcurl cannot be initialised")
        self.concurrentCalls = concurrentCalls
        multi = MultiHandle(connectionsPerHost: connectionsPerHost)
        startThread()
    }

    func start(_ request: OutboundRequest, collects: Bool) throws(OutboundError) -> Transfer {
        let transfer = try Transfer(request, collects: collects, engine: self)
        let refusal = state.withLock { state -> OutboundError? in
            if state.isShutDown { return OutboundError(code: .shutDown, message: "the client was shut down") }
            if state.running >= concurrentCalls { return OutboundError(code: .overloaded, message: "too many calls at the same time") }
            state.running += 1
            state.commands.append(.start(transfer))
            return nil
        }
        if let refusal { throw refusal }
        multi.wake()
        return transfer
    }

    func enqueue(_ command: Command) {
        let isOpen = state.withLock { state in
            if !state.isShutDown { state.commands.append(command) }
            return !state.isShutDown
        }
        if isOpen { multi.wake() }
    }

    func shutdown() {
        state.withLock { $0.isShutDown = true }
        multi.wake()
    }

    // MARK: the thread

    private func startThread() {
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<TransferEngine>.fromOpaque(context).takeRetainedValue().loop()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        precondition(result == 0, "the thread for outbound calls cannot be started")
        pthread_detach(thread)
    }

    private func loop() {
        var transfers: [UnsafeMutableRawPointer: Transfer] = [:]
        while true {
            let (commands, isShutDown) = state.withLock { state in
                let commands = state.commands
                state.commands = []
                return (commands, state.isShutDown)
            }
            for command in commands { perform(command, &transfers) }
            if isShutDown { break }
            multi.perform { easy, result in
                guard let transfer = transfers.removeValue(forKey: easy) else { return }
                finish(transfer) { transfer.complete(result) }
            }
            multi.poll()
        }
        for (easy, transfer) in transfers {
            multi.remove(easy)
            finish(transfer) { transfer.fail(OutboundError(code: .shutDown, message: "the client was shut down")) }
        }
        multi.destroy()
    }

    private func perform(_ command: Command, _ transfers: inout [UnsafeMutableRawPointer: Transfer]) {
        switch command {
        case .start(let transfer):
            if let fault = transfer.prepare() {
                finish(transfer) { transfer.fail(fault) }
            } else if let easy = transfer.easy, multi.add(easy) {
                transfers[easy] = transfer
            } else {
                finish(transfer) { transfer.fail(OutboundError(code: .invalidRequest, message: "the transfer cannot be added")) }
            }
        case .abort(let transfer, let error):
            guard let easy = transfer.easy, transfers.removeValue(forKey: easy) != nil else { return }
            multi.remove(easy)
            finish(transfer) { transfer.fail(error) }
        case .resume(let transfer):
            guard let easy = transfer.easy, transfers[easy] != nil else { return }
            curl_easy_pause(easy, CURLPAUSE_CONT)
        }
    }

    private func finish(_ transfer: Transfer, _ report: () -> Void) {
        state.withLock { $0.running -= 1 }
        report()
        transfer.release()
    }
}

/// The libcurl multi handle. `wake` may be called from anywhere until `destroy`, which waits for it; all else from the engine's thread only.
final class MultiHandle: @unchecked Sendable {
    // Proof: the pointer is constant; `curl_multi_wakeup` is thread-safe, and the lock keeps it from running while the handle is destroyed.
    private let handle: UnsafeMutableRawPointer
    private let isAlive = Mutex(true)
    private static let idlePoll: Int32 = 60_000

    init(connectionsPerHost: Int) {
        guard let handle = curl_multi_init() else { preconditionFailure("libcurl has no memory for a handle") }
        self.handle = handle
        clibcurl_multi_set_long(handle, CURLMOPT_MAX_HOST_CONNECTIONS, connectionsPerHost)
        clibcurl_multi_set_long(handle, CURLMOPT_MAXCONNECTS, 64)
    }

    func wake() {
        isAlive.withLock { alive in
            if alive { curl_multi_wakeup(handle) }
        }
    }

    func add(_ easy: UnsafeMutableRawPointer) -> Bool {
        curl_multi_add_handle(handle, easy) == CURLM_OK
    }

    func remove(_ easy: UnsafeMutableRawPointer) {
        curl_multi_remove_handle(handle, easy)
    }

    func poll() {
        var ready: Int32 = 0
        curl_multi_poll(handle, nil, 0, Self.idlePoll, &ready)
    }

    func perform(_ ended: (UnsafeMutableRawPointer, CURLcode) -> Void) {
        var running: Int32 = 0
        curl_multi_perform(handle, &running)
        var waiting: Int32 = 0
        while let message = curl_multi_info_read(handle, &waiting) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
            let result = clibcurl_message_result(message)
            curl_multi_remove_handle(handle, easy)
            ended(easy, result)
        }
    }

    func destroy() {
        isAlive.withLock { $0 = false }
        curl_multi_cleanup(handle)
    }
}
