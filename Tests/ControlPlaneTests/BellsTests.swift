import Logging
import ServiceLifecycle
import Testing

@testable import ControlPlane

@Suite struct BellsTests {
    /// Waits for news that never come.
    private struct Poll: Service {
        let bells: Bells<Int>
        let began: AsyncStream<Void>.Continuation

        func run() async throws {
            let answer = try await bells.wait(for: 1, atMost: .seconds(600)) { () -> Int? in
                began.yield()
                return nil
            }
            #expect(answer == nil)
            // A service that ends by itself would end the group before it is asked to.
            try await gracefulShutdown()
        }
    }

    @Test(.timeLimit(.minutes(1))) func `a wait ends when the program shuts down`() async throws {
        let (begins, began) = AsyncStream.makeStream(of: Void.self)
        let group = ServiceGroup(services: [Poll(bells: Bells(), began: began)], logger: Logger(label: "test"))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            _ = await begins.first { true }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    @Test func `a ring between two looks is not lost`() async throws {
        let bells = Bells<Int>()
        var looks = 0
        let answer = try await bells.wait(for: 1, atMost: .seconds(60)) { () -> Int? in
            looks += 1
            bells.ring(1)
            return looks == 3 ? looks : nil
        }
        #expect(answer == 3)
    }
}
