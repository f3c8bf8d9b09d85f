import NIOCore
import ServiceLifecycle

/// Lets the time of calendar windows go on, brings what was counted to the disk once a second, and forgets once an hour who is gone.
package struct LimitUpkeep: Service {
    private let book: LimitBook
    private let interval: Duration

    package init(book: LimitBook, interval: Duration = .milliseconds(200)) {
        self.book = book
        self.interval = interval
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            var turns = 0
            while !Task.isCancelled {
                book.tick(wall: LoopClock.wallMicroseconds(), monotonic: NIODeadline.now().microseconds)
                if turns % 18_000 == 0 { await forget() }
                turns += 1
                if turns % 5 == 0 { await sync() }
                // Cancellation ends the pause and the loop.
                try? await Task.sleep(for: interval, tolerance: .milliseconds(20))
            }
        }
        await sync()
    }

    private func forget() async {
        // As below.
        try? await BlockingCalls.run { book.forgetDeparted(now: NIODeadline.now().microseconds) }
    }

    private func sync() async {
        // The pool is there as long as the process.
        try? await BlockingCalls.run { book.file.sync() }
    }
}
