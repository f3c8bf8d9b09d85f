import Glibc
import PlimsollWire
import Synchronization

/// What one look at the accelerators gave.
struct AcceleratorReading: Sendable, Equatable {
    var accelerators: [Inventory.Accelerator] = []
    var driverVersion: String?
    var cudaVersion: String?
    var fault: String?
}

/// Reads the accelerators on a thread of its own, because the driver's calls can hang for ever on a sick device.
///
/// A hang is a finding: it is reported as a fault, and no second thread is sent after the first until that one came back.
final class AcceleratorReader: Sendable {
    private let library: String
    private let deadline: Duration
    private let busySince = Mutex<ContinuousClock.Instant?>(nil)

    init(library: String?, deadline: Duration) {
        self.library = library ?? AcceleratorLibrary.defaultName
        self.deadline = deadline
    }

    func read() async -> AcceleratorReading {
        let free = busySince.withLock { since in
            if since != nil { return false }
            since = .now
            return true
        }
        guard free else { return hung }
        let answer = SingleAnswer<AcceleratorReading>()
        return await withTaskGroup(of: AcceleratorReading?.self) { group in
            group.addTask { await answer.wait() }
            group.addTask { [deadline] in
                try? await Task.sleep(for: deadline)
                return nil
            }
            startThread(answer)
            let first = await group.next() ?? nil
            group.cancelAll()
            return first ?? hung
        }
    }

    private var hung: AcceleratorReading {
        AcceleratorReading(fault: "the accelerator driver does not answer")
    }

    private func startThread(_ answer: SingleAnswer<AcceleratorReading>) {
        let work = ThreadWork { [library, self] in
            let reading = AcceleratorLibrary(path: library)?.read() ?? AcceleratorReading()
            busySince.withLock { $0 = nil }
            answer.give(reading)
        }
        guard !work.start() else { return }
        busySince.withLock { $0 = nil }
        answer.give(AcceleratorReading(fault: "no thread could be started to read accelerators"))
    }
}

/// A detached POSIX thread that runs one closure.
private final class ThreadWork {
    private let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
    }

    func start() -> Bool {
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(self)
        let status = pthread_create(
            &thread, nil,
            { raw in
                guard let raw else { return nil }
                Unmanaged<ThreadWork>.fromOpaque(raw).takeRetainedValue().body()
                return nil
            }, argument.toOpaque())
        guard status == 0 else {
            argument.release()
            return false
        }
        pthread_detach(thread)
        return true
    }
}

/// One value that comes from outside of Swift's tasks, for one waiter; a cancelled waiter gets nil.
final class SingleAnswer<Value: Sendable>: Sendable {
    private enum State {
        case empty
        case waiting(CheckedContinuation<Value?, Never>)
        case done(Value?)
    }

    private let state = Mutex(State.empty)

    func give(_ value: Value?) {
        let waiter = state.withLock { state -> CheckedContinuation<Value?, Never>? in
            switch state {
            case .empty:
                state = .done(value)
                return nil
            case .waiting(let continuation):
                state = .done(value)
                return continuation
            case .done:
                return nil
            }
        }
        waiter?.resume(returning: value)
    }

    func wait() async -> Value? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ready = state.withLock { state -> Value?? in
                    if case .done(let value) = state { return .some(value) }
                    state = .waiting(continuation)
                    return .none
                }
                if let ready { continuation.resume(returning: ready) }
            }
        } onCancel: {
            give(nil)
        }
    }
}
