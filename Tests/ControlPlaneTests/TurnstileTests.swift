import Synchronization
import TestSupport
import Testing

@testable import ControlPlane

@Suite("Turnstile") struct TurnstileTests {
    private final class Visitors: Sendable {
        private let counts = Mutex((inside: 0, most: 0, passed: 0))

        var inside: Int { counts.withLock { $0.inside } }
        var most: Int { counts.withLock { $0.most } }
        var passed: Int { counts.withLock { $0.passed } }

        func enter() { counts.withLock { ($0.inside, $0.most) = ($0.inside + 1, max($0.most, $0.inside + 1)) } }

        func leave() { counts.withLock { ($0.inside, $0.passed) = ($0.inside - 1, $0.passed + 1) } }
    }

    @Test("as many as have a place are inside, the others follow, and none is lost")
    func places() async throws {
        let (turnstile, visitors) = (Turnstile(places: 3, line: 1_000, patience: .seconds(60)), Visitors())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<300 {
                group.addTask {
                    try await turnstile.pass {
                        visitors.enter()
                        await Task.yield()
                        visitors.leave()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(visitors.most <= 3 && visitors.inside == 0 && visitors.passed == 300)
    }

    @Test("who finds the line long is told when to come again, who waits too long or gives up leaves its place to the next")
    func refusals() async throws {
        let (turnstile, visitors) = (Turnstile(places: 1, line: 1, patience: .milliseconds(50)), Visitors())
        let (end, ending) = AsyncStream<Void>.makeStream()
        let first = Task {
            try await turnstile.pass {
                visitors.enter()
                for await _ in end {}
                visitors.leave()
            }
        }
        try await Waiting.until("it is inside", within: .seconds(20)) { visitors.inside == 1 }
        for _ in 0..<3 {
            let refusal = await #expect(throws: PeerRefusal.self) { try await turnstile.pass {} }
            #expect(refusal?.reason == .unavailable && refusal?.retryAfter == 2)
        }
        let impatient = Task { try await turnstile.pass {} }
        impatient.cancel()
        await #expect(throws: PeerRefusal.self) { try await impatient.value }
        ending.finish()
        try await first.value
        try await turnstile.pass { visitors.enter() }
        #expect(visitors.inside == 1)
    }
}
