import Synchronization

/// Lets a few do something at once; others wait in line, each for a while at most, and where the line is long they are sent away. Whoever waits holds
/// nothing yet but its place.
final class Turnstile: Sendable {
    private let state: Mutex<TurnstileState>
    private let patience: Duration

    init(places: Int, line: Int, patience: Duration) {
        state = Mutex(TurnstileState(places: places, longest: line))
        self.patience = patience
    }

    /// - Throws: `PeerRefusal` of the kind `unavailable` where no place became free; whatever `body` throws.
    func pass<Answer>(_ body: () async throws -> Answer) async throws -> Answer {
        guard await enter() else { throw PeerRefusal(.unavailable, "others are served first", retryAfter: 2) }
        defer { state.withLock { $0.leave() }?.resume(returning: true) }
        return try await body()
    }

    private func enter() async -> Bool {
        switch state.withLock({ $0.request() }) {
        case .inside: return true
        case .sentAway: return false
        case .waits(let number): return await wait(number)
        }
    }

    private func wait(_ number: UInt64) async -> Bool {
        // Lives until the wait ends, which cancels it.
        let alarm = Task {
            try await Task.sleep(for: patience)
            giveUp(number)
        }
        defer { alarm.cancel() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = state.withLock { $0.join(number, continuation) }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            giveUp(number)
        }
    }

    private func giveUp(_ number: UInt64) {
        state.withLock { $0.giveUp(number) }?.resume(returning: false)
    }
}

/// Who is inside and who waits; nobody is woken here.
private struct TurnstileState {
    typealias Waiter = CheckedContinuation<Bool, Never>

    enum Request {
        case inside
        case sentAway
        case waits(UInt64)
    }

    private let places: Int
    private let longest: Int
    private var inside = 0
    private var line: [(number: UInt64, waiter: Waiter)] = []
    /// On their way into the line; true: given up meanwhile.
    private var coming: [UInt64: Bool] = [:]
    private var last: UInt64 = 0

    init(places: Int, longest: Int) {
        self.places = places
        self.longest = longest
    }

    mutating func request() -> Request {
        if inside < places {
            inside += 1
            return .inside
        }
        guard line.count + coming.count < longest else { return .sentAway }
        last += 1
        coming[last] = false
        return .waits(last)
    }

    /// Answers at once where a place became free or the wait was given up since the request.
    mutating func join(_ number: UInt64, _ waiter: Waiter) -> Bool? {
        if coming.removeValue(forKey: number) == true { return false }
        guard inside < places else {
            line.append((number, waiter))
            return nil
        }
        inside += 1
        return true
    }

    /// Nil: it has its answer, or gets it when it joins.
    mutating func giveUp(_ number: UInt64) -> Waiter? {
        guard let index = line.firstIndex(where: { $0.number == number }) else {
            if coming[number] != nil { coming[number] = true }
            return nil
        }
        return line.remove(at: index).waiter
    }

    /// Who takes the place.
    mutating func leave() -> Waiter? {
        if !line.isEmpty { return line.removeFirst().waiter }
        inside -= 1
        return nil
    }
}
